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
-- Engagement pings of visitors, which are rows and no events.
pings AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name = 'engagement' AND visitor_id IS NOT NULL
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
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, country_code, pathname FROM every AS event SEMI JOIN candidate USING (date, visitor_id)
    UNION ALL
    SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, country_code, pathname FROM every AS event WHERE visitor_id IS NULL AND ((event.country_code IS NOT NULL AND event.country_code IN ($f0)) AND (contains(coalesce(event.pathname, ''), $f1)))
),
-- Visits, whose interactive events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day of interactive events that all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, bool_and(interactive) AS all_interactive, count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
        arg_min({'country_code': country_code, 'timestamp': timestamp}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) AS opening,
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
        arg_min({'country_code': country_code, 'timestamp': timestamp}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal) + CASE WHEN interactive IS FALSE THEN 1329227995784915872903807060280344576 ELSE 0 END) AS opening,
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
),
-- The filter matches some events of a visit, and only those are counted.
visit AS MATERIALIZED (
    SELECT passing.* EXCLUDE (events, pageviews), touched.events, touched.pageviews
    FROM passing JOIN (
        SELECT
            date, visitor_id, visit_number, count(*) AS events, count(*) FILTER (event_name = 'pageview') AS pageviews
        FROM matched
        GROUP BY ALL
    ) AS touched USING (date, visitor_id, visit_number)
)
-- Times are text only where they are few.
SELECT * REPLACE (strftime(TIMESTAMP '1970-01-01' + to_minutes(key_2), '%Y-%m-%d %H:%M') AS key_2)
FROM (
    SELECT
        0 AS grouping,
        CASE WHEN event.pathname IN ('(not set)', '(unknown)') THEN NULL ELSE event.pathname END AS key_0,
        CASE WHEN event.opening.country_code IN ('(not set)', '(unknown)') THEN NULL ELSE event.opening.country_code END AS key_1,
        hours.minute AS key_2,
        count(DISTINCT CASE WHEN visitor_id IS NOT NULL THEN {'date': event.date, 'visitor': visitor_id, 'number': visit_number} END) AS active_visits,
        count(DISTINCT visitor_id) AS visitors
    FROM (
            SELECT event.*, visit.opening
            FROM matched AS event JOIN passing AS visit
              ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
            UNION ALL BY NAME
            SELECT *, {'country_code': country_code, 'timestamp': timestamp} AS opening FROM matched WHERE visitor_id IS NULL
        ) AS event
    -- An hour is looked up by a whole number: the slot of time in its date. An event outside its date is in the nearest.
    LEFT JOIN hours ON hours.slot = CAST(
        (event.date - $first_date) * ($last_slot + 1) + greatest(0, least($last_slot,
            (epoch_ms(event.timestamp) - (event.date - DATE '1970-01-01') * 86400000 + 172800000) // $slot_ms
        )) AS INTEGER
    )
    GROUP BY key_0, key_1, key_2
)
UNION ALL BY NAME
-- Times are text only where they are few.
SELECT * REPLACE (strftime(TIMESTAMP '1970-01-01' + to_minutes(key_2), '%Y-%m-%d %H:%M') AS key_2)
FROM (
    SELECT
        0 AS grouping,
        CASE WHEN event.entry_page IN ('(not set)', '(unknown)') THEN NULL ELSE event.entry_page END AS key_0,
        CASE WHEN event.opening.country_code IN ('(not set)', '(unknown)') THEN NULL ELSE event.opening.country_code END AS key_1,
        hours.minute AS key_2,
        count(*) FILTER (bounced AND entered) AS bounces
    FROM (
            SELECT *, opening.timestamp AS timestamp FROM visit
        ) AS event
    -- An hour is looked up by a whole number: the slot of time in its date. An event outside its date is in the nearest.
    LEFT JOIN hours ON hours.slot = CAST(
        (event.date - $first_date) * ($last_slot + 1) + greatest(0, least($last_slot,
            (epoch_ms(event.timestamp) - (event.date - DATE '1970-01-01') * 86400000 + 172800000) // $slot_ms
        )) AS INTEGER
    )
    GROUP BY key_0, key_1, key_2
)
UNION ALL BY NAME
-- Times are text only where they are few.
SELECT * REPLACE (strftime(TIMESTAMP '1970-01-01' + to_minutes(key_2), '%Y-%m-%d %H:%M') AS key_2)
FROM (
    SELECT
        0 AS grouping,
        event.key_0 AS key_0,
        event.key_1 AS key_1,
        event.key_2 AS key_2,
        sum(scroll) AS scroll_total
    FROM (
            -- One row for each visit in a group: how far it scrolled, and how long it was engaged.
            SELECT CASE WHEN event.pathname IN ('(not set)', '(unknown)') THEN NULL ELSE event.pathname END AS key_0, CASE WHEN event.opening.country_code IN ('(not set)', '(unknown)') THEN NULL ELSE event.opening.country_code END AS key_1, hours.minute AS key_2, max(event.scroll_depth) AS scroll, sum(event.engagement_ms) AS engaged_ms
            FROM (
                SELECT event.*, visit.opening
                FROM (
                    -- A ping is of the last visit that had begun.
                    SELECT ping.*, begun.visit_number
                    FROM pings AS ping ASOF JOIN every_visit AS begun
                      ON ping.date = begun.date AND ping.visitor_id = begun.visitor_id
                      AND ping.timestamp >= begun.opening.timestamp
                ) AS event JOIN visit
                  ON event.date = visit.date AND event.visitor_id = visit.visitor_id
                  AND event.visit_number = visit.visit_number
                WHERE (contains(coalesce(event.pathname, ''), $f1))
            ) AS event -- An hour is looked up by a whole number: the slot of time in its date. An event outside its date is in the nearest.
    LEFT JOIN hours ON hours.slot = CAST(
        (event.date - $first_date) * ($last_slot + 1) + greatest(0, least($last_slot,
            (epoch_ms(event.timestamp) - (event.date - DATE '1970-01-01') * 86400000 + 172800000) // $slot_ms
        )) AS INTEGER
    )
            GROUP BY key_0, key_1, key_2, event.date, event.visitor_id, event.visit_number
        ) AS event
    GROUP BY key_0, key_1, key_2
)
UNION ALL BY NAME
SELECT
    1 AS grouping,
    count(DISTINCT visitor_id) AS visitors
FROM (
        SELECT * FROM visit
        UNION ALL BY NAME
        SELECT
            date, visitor_id, false AS bounced, false AS entered, 0 AS duration_ms, 0 AS visit_pageviews,
            CAST(event_name = 'pageview' AS INTEGER) AS pageviews, 1 AS events, {'country_code': country_code, 'timestamp': timestamp} AS opening
        FROM matched
        WHERE visitor_id IS NULL
    ) AS event
