-- One row: what a whole day adds up to.
SELECT
    'total' AS dimension,
    CAST(NULL AS VARCHAR) AS value,
    visitors, visits, bounces, duration_ms, visit_pageviews, pageviews, events, revenue, currency
FROM (
    SELECT
        count(DISTINCT visitor_id) AS visitors,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        count(*) AS events,
        {money}
    FROM event_money
) CROSS JOIN (
    SELECT
        count(*) AS visits,
        count(*) FILTER (bounced) AS bounces,
        coalesce(sum(duration_ms), 0) AS duration_ms,
        coalesce(sum(pageviews), 0) AS visit_pageviews
    FROM visit
)
