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
-- What is read of all events.
event AS MATERIALIZED (
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, pathname, referrer_source FROM every
),
-- Visits, whose interactive events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day of interactive events that all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, bool_and(interactive) AS all_interactive, count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
        arg_min({'referrer_source': referrer_source}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) AS opening
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
        arg_min({'referrer_source': referrer_source}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal) + CASE WHEN interactive IS FALSE THEN 1329227995784915872903807060280344576 ELSE 0 END) AS opening
    FROM long_days AS event
    GROUP BY date, visitor_id, visit_number
),
-- Without a filter every visit counts with all its events.
visit AS MATERIALIZED (
    SELECT * EXCLUDE (interactions), interactions = 1 AND pageviews = 1 AS bounced, true AS entered, pageviews AS visit_pageviews FROM every_visit
),
matched AS NOT MATERIALIZED (
    SELECT * FROM event
)
SELECT
    0 AS grouping,
    count(DISTINCT visitor_id) AS visitors,
    count(visitor_id) AS visits,
    count(*) FILTER (bounced AND entered) AS bounces,
    count(*) FILTER (entered) AS landings,
    sum(duration_ms) AS duration_ms,
    sum(visit_pageviews) AS visit_pageviews,
    sum(pageviews) AS pageviews,
    sum(events) AS events
FROM (
        SELECT * FROM visit
        UNION ALL BY NAME
        SELECT
            date, visitor_id, false AS bounced, false AS entered, 0 AS duration_ms, 0 AS visit_pageviews,
            CAST(event_name = 'pageview' AS INTEGER) AS pageviews, 1 AS events, {'referrer_source': referrer_source} AS opening
        FROM matched
        WHERE visitor_id IS NULL
    ) AS event
UNION ALL BY NAME
-- Times are text only where they are few.
SELECT * REPLACE (CAST(key_0 AS VARCHAR) AS key_0)
FROM (
    SELECT
        1 AS grouping,
        event.date AS key_0,
        count(DISTINCT visitor_id) AS visitors,
        sum(pageviews) AS pageviews
    FROM (
            SELECT * FROM visit
            UNION ALL BY NAME
            SELECT
                date, visitor_id, false AS bounced, false AS entered, 0 AS duration_ms, 0 AS visit_pageviews,
                CAST(event_name = 'pageview' AS INTEGER) AS pageviews, 1 AS events, {'referrer_source': referrer_source} AS opening
            FROM matched
            WHERE visitor_id IS NULL
        ) AS event
    GROUP BY key_0
)
UNION ALL BY NAME
SELECT
    2 AS grouping,
    CASE WHEN event.pathname IN ('(not set)', '(unknown)') THEN NULL ELSE event.pathname END AS key_0,
    count(DISTINCT visitor_id) AS visitors,
    count(*) FILTER (event_name = 'pageview') AS pageviews
FROM matched AS event
GROUP BY key_0
UNION ALL BY NAME
SELECT
    3 AS grouping,
    CASE WHEN event.opening.referrer_source IN ('Direct', 'Direct / None') THEN NULL ELSE event.opening.referrer_source END AS key_0,
    count(DISTINCT visitor_id) AS visitors,
    sum(pageviews) AS pageviews
FROM (
        SELECT * FROM visit
        UNION ALL BY NAME
        SELECT
            date, visitor_id, false AS bounced, false AS entered, 0 AS duration_ms, 0 AS visit_pageviews,
            CAST(event_name = 'pageview' AS INTEGER) AS pageviews, 1 AS events, {'referrer_source': referrer_source} AS opening
        FROM matched
        WHERE visitor_id IS NULL
    ) AS event
GROUP BY key_0
