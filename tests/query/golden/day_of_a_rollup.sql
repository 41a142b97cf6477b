CREATE TEMP TABLE event AS
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
)
SELECT date, visitor_id, timestamp, ordinal, event_name, interactive, browser, browser_version, channel, city, country_code, device_type, hostname, language, os, os_version, pathname, referrer, referrer_source, region, screen_size, utm_campaign, utm_content, utm_medium, utm_source, utm_term, revenue_amount AS revenue, CASE WHEN revenue_amount IS NOT NULL THEN coalesce(revenue_currency, '') END AS currency_low, currency_low AS currency_high FROM every
;
CREATE TEMP TABLE visit AS
WITH
-- Visits, whose interactive events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day of interactive events that all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, bool_and(interactive) AS all_interactive, count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
        min(timestamp) AS started_at,
        min((CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) AS first_moment,
        arg_min({'browser': browser, 'browser_version': browser_version, 'channel': channel, 'city': city, 'country_code': country_code, 'device_type': device_type, 'language': language, 'os': os, 'os_version': os_version, 'referrer': referrer, 'referrer_source': referrer_source, 'region': region, 'screen_size': screen_size, 'utm_campaign': utm_campaign, 'utm_content': utm_content, 'utm_medium': utm_medium, 'utm_source': utm_source, 'utm_term': utm_term}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) AS opening,
        arg_min_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS entry_page,
        arg_max_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS exit_page,
        sum(revenue) AS revenue,
        min(currency_low) AS currency_low,
        max(currency_high) AS currency_high
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
        coalesce(min(timestamp) FILTER (interactive IS NOT FALSE), min(timestamp)) AS started_at,
        min((CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) AS first_moment,
        arg_min({'browser': browser, 'browser_version': browser_version, 'channel': channel, 'city': city, 'country_code': country_code, 'device_type': device_type, 'language': language, 'os': os, 'os_version': os_version, 'referrer': referrer, 'referrer_source': referrer_source, 'region': region, 'screen_size': screen_size, 'utm_campaign': utm_campaign, 'utm_content': utm_content, 'utm_medium': utm_medium, 'utm_source': utm_source, 'utm_term': utm_term}, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal) + CASE WHEN interactive IS FALSE THEN 1329227995784915872903807060280344576 ELSE 0 END) AS opening,
        arg_min_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS entry_page,
        arg_max_null(pathname, (CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)) FILTER (event_name = 'pageview') AS exit_page,
        sum(revenue) AS revenue,
        min(currency_low) AS currency_low,
        max(currency_high) AS currency_high
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
SELECT * FROM visit
;
CREATE TEMP VIEW matched AS SELECT * FROM event
;
-- The columns of a rollup: money of several currencies has no sum.
SELECT
    * EXCLUDE (revenue, currency_low, currency_high),
    CASE WHEN currency_low IS NOT DISTINCT FROM currency_high THEN revenue END AS revenue,
    CASE WHEN currency_low IS DISTINCT FROM currency_high THEN 'several' ELSE currency_low END AS currency
FROM (
    SELECT 'total' AS dimension, CAST(NULL AS VARCHAR) AS value,
        coalesce(sum(visitors), 0) AS visitors,
        coalesce(sum(visits), 0) AS visits,
        coalesce(sum(bounces), 0) AS bounces,
        coalesce(sum(landings), 0) AS landings,
        coalesce(sum(duration_ms), 0) AS duration_ms,
        coalesce(sum(visit_pageviews), 0) AS visit_pageviews,
        coalesce(sum(pageviews), 0) AS pageviews,
        coalesce(sum(events), 0) AS events,
        sum(revenue) AS revenue,
        min(currency_low) AS currency_low,
        max(currency_high) AS currency_high
    FROM (
        SELECT 'total' AS dimension, CAST(NULL AS VARCHAR) AS value,
            count(DISTINCT visitor_id) AS visitors,
            count(*) FILTER (event_name = 'pageview') AS pageviews,
            count(*) AS events,
            sum(revenue) AS revenue,
            min(currency_low) AS currency_low,
            max(currency_high) AS currency_high
        FROM matched
        UNION ALL BY NAME
        SELECT 'total' AS dimension, CAST(NULL AS VARCHAR) AS value,
            count(visitor_id) AS visits,
            count(*) FILTER (bounced AND entered) AS bounces,
            count(*) FILTER (entered) AS landings,
            sum(duration_ms) AS duration_ms,
            sum(visit_pageviews) AS visit_pageviews
        FROM visit
    )
)
;
-- The values with the most visitors, in the order of reports.
SELECT *
FROM (
    -- The columns of a rollup: money of several currencies has no sum.
    SELECT
        * EXCLUDE (revenue, currency_low, currency_high),
        CASE WHEN currency_low IS NOT DISTINCT FROM currency_high THEN revenue END AS revenue,
        CASE WHEN currency_low IS DISTINCT FROM currency_high THEN 'several' ELSE currency_low END AS currency
    FROM (
        SELECT 'sources' AS dimension, value AS value,
            count(DISTINCT visitor_id) AS visitors,
            count(visitor_id) AS visits,
            count(*) FILTER (bounced AND entered) AS bounces,
            count(*) FILTER (entered) AS landings,
            sum(duration_ms) AS duration_ms,
            sum(visit_pageviews) AS visit_pageviews,
            sum(pageviews) AS pageviews,
            sum(events) AS events,
            sum(revenue) AS revenue,
            min(currency_low) AS currency_low,
            max(currency_high) AS currency_high
        FROM (
            SELECT CASE WHEN opening.referrer_source IN ('Direct', 'Direct / None') THEN NULL ELSE opening.referrer_source END AS value, visitor_id, bounced, entered, duration_ms, visit_pageviews, pageviews, events, revenue, currency_low, currency_high
            FROM visit
            UNION ALL
            SELECT CASE WHEN referrer_source IN ('Direct', 'Direct / None') THEN NULL ELSE referrer_source END, NULL, false, false, 0, 0, CAST(event_name = 'pageview' AS INTEGER), 1, revenue, currency_low, currency_high
            FROM matched
            WHERE visitor_id IS NULL
        )
        GROUP BY value
    )
)
ORDER BY visitors DESC, coalesce(value, 'Direct')
LIMIT 2001
