WITH
-- Visits files of some days: visits, and events without a visitor in their place.
read AS NOT MATERIALIZED (
    SELECT * FROM read_parquet($visits)
),
-- The visits that pass the filter, and the events without a visitor that do. Those land nowhere.
passing AS NOT MATERIALIZED (
    SELECT
        date, is_only, number, referrer_source, visitor_id, bounced,
        visitor_id IS NOT NULL AND ((contains(coalesce(visit.entry_page, ''), $f1))) AS entered,
        duration_ms,
        CASE WHEN visitor_id IS NULL THEN 0 ELSE pageviews END AS visit_pageviews,
        pageviews,
        events
    FROM read AS visit
    WHERE (visit.country_code IS NOT NULL AND visit.country_code IN ($f0))
),
-- The steps of those visits that pass the filter.
matched AS MATERIALIZED (
    SELECT date, number, visitor_id, is_only, event_name, events, first_of_page, pathname
    FROM (
        SELECT date, number, visitor_id, is_only, country_code, entry_page, referrer_source, unnest(event_names) AS event_name, unnest(event_counts) AS events, unnest(firsts_of_page) AS first_of_page, unnest(pathnames) AS pathname
        FROM read AS visit
        WHERE (visit.country_code IS NOT NULL AND visit.country_code IN ($f0))
    ) AS event
    WHERE (contains(coalesce(event.pathname, ''), $f1))
),
-- The filter matches some events of a visit, and only those are counted.
visit AS MATERIALIZED (
    SELECT passing.* EXCLUDE (events, pageviews), touched.events, touched.pageviews
    FROM passing JOIN (
        SELECT
            date, number, sum(events) AS events, sum(CASE WHEN event_name = 'pageview' THEN events ELSE 0 END) AS pageviews
        FROM matched
        GROUP BY ALL
    ) AS touched USING (date, number)
)
SELECT
    0 AS grouping,
    count(*) FILTER (is_only) + count(DISTINCT visitor_id) FILTER (NOT is_only) AS visitors,
    count(visitor_id) AS visits,
    count(*) FILTER (bounced AND entered) AS bounces,
    count(*) FILTER (entered) AS landings,
    sum(duration_ms) AS duration_ms,
    sum(visit_pageviews) AS visit_pageviews,
    sum(pageviews) AS pageviews,
    sum(events) AS events
FROM visit AS event
UNION ALL BY NAME
-- Times are text only where they are few.
SELECT * REPLACE (CAST(key_0 AS VARCHAR) AS key_0)
FROM (
    SELECT
        1 AS grouping,
        event.date AS key_0,
        count(*) FILTER (is_only) + count(DISTINCT visitor_id) FILTER (NOT is_only) AS visitors,
        sum(pageviews) AS pageviews
    FROM visit AS event
    GROUP BY key_0
)
UNION ALL BY NAME
SELECT
    2 AS grouping,
    CASE WHEN event.pathname IN ('(not set)', '(unknown)') THEN NULL ELSE event.pathname END AS key_0,
    count(DISTINCT visitor_id) AS visitors,
    sum(CASE WHEN event_name = 'pageview' THEN events ELSE 0 END) AS pageviews
FROM matched AS event
GROUP BY key_0
UNION ALL BY NAME
SELECT
    3 AS grouping,
    CASE WHEN event.referrer_source IN ('Direct', 'Direct / None') THEN NULL ELSE event.referrer_source END AS key_0,
    count(*) FILTER (is_only) + count(DISTINCT visitor_id) FILTER (NOT is_only) AS visitors,
    sum(pageviews) AS pageviews
FROM visit AS event
GROUP BY key_0
