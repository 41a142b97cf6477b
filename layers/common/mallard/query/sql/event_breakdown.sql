-- A dimension of each event's own: the visitors of any event there, and its page views.
SELECT
    coalesce(value, {blank}) AS value,
    CAST(sum(visitors) AS BIGINT) AS visitors,
    CAST(sum(pageviews) AS BIGINT) AS pageviews
FROM (
    SELECT
        {dimension} AS value,
        count(DISTINCT visitor_id) AS visitors,
        count(*) FILTER (event_name = 'pageview') AS pageviews
    FROM event
    GROUP BY value
    UNION ALL
    SELECT value, visitors, pageviews FROM rollup
)
GROUP BY ALL
ORDER BY visitors DESC, value
LIMIT $limit
