-- A dimension of each event's own: the visitors of any event there, and its page views.
SELECT
    coalesce({dimension}, {blank}) AS value,
    count(DISTINCT visitor_id) AS visitors,
    count(*) FILTER (event_name = 'pageview') AS pageviews
FROM event
GROUP BY value
ORDER BY visitors DESC, value
LIMIT $limit
