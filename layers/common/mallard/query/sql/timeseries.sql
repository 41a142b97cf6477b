-- Visitors and page views per bucket; the bucket is a closed expression of the interval.
SELECT bucket, CAST(sum(visitors) AS BIGINT) AS visitors, CAST(sum(pageviews) AS BIGINT) AS pageviews
FROM (
    SELECT
        {bucket} AS bucket,
        count(DISTINCT visitor_id) AS visitors,
        count(*) FILTER (event_name = 'pageview') AS pageviews
    FROM event
    GROUP BY bucket
    UNION ALL
    SELECT {rolled_bucket}, visitors, pageviews FROM rollup
)
GROUP BY bucket
ORDER BY bucket
