-- Visitors and page views per local hour; `hours` has the moments at which they begin.
SELECT bucket, CAST(sum(visitors) AS BIGINT) AS visitors, CAST(sum(pageviews) AS BIGINT) AS pageviews
FROM (
    SELECT
        coalesce(hours.start, (SELECT min(start) FROM hours)) AS bucket,
        count(DISTINCT visitor_id) AS visitors,
        count(*) FILTER (event_name = 'pageview') AS pageviews
    FROM event ASOF LEFT JOIN hours ON event.timestamp >= hours.start
    GROUP BY bucket
    UNION ALL
    SELECT strptime(value, '%Y-%m-%d %H:%M'), visitors, pageviews FROM rollup
)
GROUP BY bucket
ORDER BY bucket
