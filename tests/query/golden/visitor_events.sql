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
-- From the beginning of time is no condition, whose column would have to be read.
every AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name <> 'engagement' AND ($since = TIMESTAMP '0001-01-01' OR timestamp >= $since)
),
-- A visit passes only if its first event passes and some event of it matches the filter, so only visitors with such
-- events are read. Events without a visitor belong to no visit and are matched alone.
candidate AS MATERIALIZED (
    -- Visitors of a day with an event that meets a condition.
    SELECT DISTINCT date, visitor_id FROM every AS event WHERE visitor_id IS NOT NULL AND ((event.pathname IS NOT NULL AND event.pathname IN ($f0)))
),
event AS MATERIALIZED (
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, pathname FROM every AS event SEMI JOIN candidate USING (date, visitor_id)
    UNION ALL
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, pathname FROM every AS event WHERE visitor_id IS NULL AND ((event.pathname IS NOT NULL AND event.pathname IN ($f0)))
),
-- Visits, whose interactive events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day of interactive events that all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, bool_and(interactive) AS all_interactive, count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
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
        arg_min_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS entry_page
    FROM long_days AS event
    GROUP BY date, visitor_id, visit_number
),
-- The visits that pass the filter, and the matching events of those visits and of no visitor.
passing AS MATERIALIZED (
    SELECT * EXCLUDE (interactions), interactions = 1 AND pageviews = 1 AS bounced, (visit.entry_page IS NOT NULL AND visit.entry_page IN ($f0)) AS entered, pageviews AS visit_pageviews
    FROM every_visit AS visit
    WHERE true
),
matched AS MATERIALIZED (
    SELECT event.*, 0 AS visit_number
    FROM event JOIN passing AS visit ON event.date = visit.date AND event.visitor_id = visit.visitor_id
    WHERE visit.visit_number = 0 AND ((event.pathname IS NOT NULL AND event.pathname IN ($f0)))
    UNION ALL BY NAME
    SELECT event.* EXCLUDE (opens)
    FROM long_days AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
    WHERE (event.pathname IS NOT NULL AND event.pathname IN ($f0))
    UNION ALL BY NAME
    SELECT *, 0 AS visit_number FROM event WHERE visitor_id IS NULL
),
-- The same, each with the value of the visit it belongs to.
visitor_events AS NOT MATERIALIZED (
    SELECT event.date, event.visitor_id, event.timestamp, event.ordinal, event.event_name, event.interactive, event.pathname, coalesce(CASE WHEN entry_page IN ('(not set)', '(unknown)') THEN NULL ELSE entry_page END, '(unknown)') AS value
    FROM matched AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
)
