-- Visitors and page views per bucket; the bucket is a closed expression of the interval.
SELECT {bucket} AS bucket, count(DISTINCT visitor_id) AS visitors, count(*) FILTER (event_name = 'pageview') AS pageviews
FROM event
GROUP BY bucket
ORDER BY bucket
