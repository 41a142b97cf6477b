-- A dimension of the visit, taken from its first event: visitors and page views of those visits.
-- Events without a visitor belong to no visit: they count as page views under their own value.
SELECT value, count(DISTINCT visitor_id) AS visitors, CAST(sum(pageviews) AS BIGINT) AS pageviews
FROM (
    SELECT coalesce(dimension, {blank}) AS value, visitor_id, pageviews FROM visit
    UNION ALL
    SELECT coalesce({dimension}, {blank}), NULL, CAST(event_name = 'pageview' AS BIGINT) FROM event WHERE visitor_id IS NULL
)
GROUP BY value
ORDER BY visitors DESC, value
LIMIT $limit
