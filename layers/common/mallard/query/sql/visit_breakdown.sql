-- A dimension of the visit: visitors and page views of those visits.
-- Events without a visitor belong to no visit: they count as page views under their own value.
SELECT
    coalesce(value, {blank}) AS value,
    CAST(sum(visitors) AS BIGINT) AS visitors,
    CAST(sum(pageviews) AS BIGINT) AS pageviews
FROM (
    SELECT value, count(DISTINCT visitor_id) AS visitors, sum(pageviews) AS pageviews
    FROM (
        SELECT dimension AS value, visitor_id, pageviews FROM visit
        UNION ALL
        SELECT {dimension}, NULL, CAST(event_name = 'pageview' AS BIGINT)
        FROM event
        WHERE visitor_id IS NULL AND {counts_strangers}
    )
    GROUP BY value
    UNION ALL
    SELECT value, visitors, pageviews FROM rollup
)
GROUP BY ALL
ORDER BY visitors DESC, value
LIMIT $limit
