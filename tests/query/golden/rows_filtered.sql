WITH
-- Segments of the site and range, in whose order `timestamp, ordinal` events stand. Engagement pings are rows but no events.
-- A rounded time has an `hour_order` of at most 62 bits, whose ordinal is negative, and an exact one its `event_id`.
-- Most files lack `hour_order` and `interactive`: beside no rows that have them, they are NULL there, and nothing is read.
stored AS NOT MATERIALIZED (
    SELECT *, coalesce(hour_order - 4611686018427387904, event_id) AS ordinal
    FROM (
        SELECT CAST(NULL AS BIGINT) AS hour_order, CAST(NULL AS BOOLEAN) AS interactive WHERE false
        UNION ALL BY NAME
        SELECT * EXCLUDE (site_id)
        FROM read_parquet(
            $files,
            hive_partitioning = true,
            hive_types = {'site_id': VARCHAR, 'date': DATE},
            union_by_name = true
        )
        WHERE date >= $start AND date < $end
    )
),
-- Pending events of the site and range, ordered as `stored`.
waiting AS NOT MATERIALIZED (
    SELECT *, coalesce(hour_order - 4611686018427387904, event_id) AS ordinal
    FROM pending
    WHERE date >= $start AND date < $end
),
-- Each event once: pending events were read before the listing, so an id in both was flushed in between.
-- From the beginning of time is no condition, whose column would have to be read.
every AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name <> 'engagement' AND ($since = TIMESTAMP '0001-01-01' OR timestamp >= $since)
    UNION ALL BY NAME
    SELECT * FROM waiting
    WHERE event_name <> 'engagement' AND timestamp >= $since
      AND event_id NOT IN (
          SELECT event_id FROM stored
          WHERE date IN (SELECT date FROM waiting) AND event_id IN (SELECT event_id FROM waiting)
      )
),
-- A visit passes only if its first event passes and some event of it matches the filter, so only visitors with such
-- events are read. Events without a visitor belong to no visit and are matched alone.
candidate AS MATERIALIZED (
    -- Visitors of a day with an event that meets a condition.
    SELECT DISTINCT date, visitor_id FROM every AS event WHERE visitor_id IS NOT NULL AND ((event.country_code IS NOT NULL AND event.country_code IN ($f0)))
INTERSECT
-- Visitors of a day with an event that meets a condition.
    SELECT DISTINCT date, visitor_id FROM every AS event WHERE visitor_id IS NOT NULL AND ((contains(coalesce(event.pathname, ''), $f1)))
),
event AS MATERIALIZED (
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, country_code, event_id, pathname FROM every AS event SEMI JOIN candidate USING (date, visitor_id)
    UNION ALL
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, country_code, event_id, pathname FROM every AS event WHERE visitor_id IS NULL AND ((event.country_code IS NOT NULL AND event.country_code IN ($f0)) AND (contains(coalesce(event.pathname, ''), $f1)))
),
-- Visits, whose interactive events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day of interactive events that all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, bool_and(interactive) AS all_interactive, count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
        arg_min({'country_code': country_code}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) AS opening,
        arg_min_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS entry_page
    FROM event
    WHERE visitor_id IS NOT NULL
    GROUP BY date, visitor_id
),
-- Only the others, about a quarter of all events, have to be put in order to be told apart.
long_days AS MATERIALIZED (
    SELECT *, greatest(sum(opens) OVER (PARTITION BY date, visitor_id ORDER BY timestamp), 1) AS visit_number
    FROM (
        SELECT
            *,
            CASE
                -- It belongs to the visit that began last, at the same moment or before, or to the first.
                WHEN interactive IS FALSE THEN 0
                WHEN timestamp - lag(timestamp) OVER visitor <= INTERVAL 1800000 MILLISECOND THEN 0
                WHEN lag(ordinal) OVER visitor < 0
                    AND timestamp - lag(timestamp) OVER visitor <= INTERVAL 3600000 MILLISECOND THEN 0
                ELSE 1
            END AS opens
        FROM event SEMI JOIN (
            SELECT date, visitor_id FROM visitor_day WHERE duration_ms > 1800000 OR all_interactive IS FALSE
        ) USING (date, visitor_id)
        WINDOW visitor AS (PARTITION BY date, visitor_id, interactive IS FALSE ORDER BY timestamp, ordinal)
    )
),
every_visit AS (
    SELECT * EXCLUDE (all_interactive), 0 AS visit_number, events AS interactions
    FROM visitor_day
    WHERE duration_ms <= 1800000 AND all_interactive IS NOT FALSE
    UNION ALL BY NAME
    SELECT date, visitor_id, visit_number, count(*) FILTER (interactive IS NOT FALSE) AS interactions, count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        coalesce(date_diff('millisecond', min(timestamp) FILTER (interactive IS NOT FALSE), max(timestamp) FILTER (interactive IS NOT FALSE)), 0) AS duration_ms,
        arg_min({'country_code': country_code}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal) + CASE WHEN interactive IS FALSE THEN 1329227995784915872903807060280344576 ELSE 0 END) AS opening,
        arg_min_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS entry_page
    FROM long_days AS event
    GROUP BY date, visitor_id, visit_number
),
-- The visits that pass the filter, and the matching events of those visits and of no visitor.
passing AS MATERIALIZED (
    SELECT * EXCLUDE (interactions), interactions = 1 AND pageviews = 1 AS bounced, (contains(coalesce(visit.entry_page, ''), $f1)) AS entered, pageviews AS visit_pageviews
    FROM every_visit AS visit
    WHERE (visit.opening.country_code IS NOT NULL AND visit.opening.country_code IN ($f0))
),
matched AS MATERIALIZED (
    SELECT event.*, 0 AS visit_number
    FROM event JOIN passing AS visit ON event.date = visit.date AND event.visitor_id = visit.visitor_id
    WHERE visit.visit_number = 0 AND ((contains(coalesce(event.pathname, ''), $f1)))
    UNION ALL BY NAME
    SELECT event.* EXCLUDE (opens)
    FROM long_days AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
    WHERE (contains(coalesce(event.pathname, ''), $f1))
    UNION ALL BY NAME
    SELECT *, 0 AS visit_number FROM event WHERE visitor_id IS NULL
)
-- The rows that match the filter, in order of time.
SELECT timestamp, pathname FROM every SEMI JOIN matched USING (date, event_id) ORDER BY timestamp, ordinal
