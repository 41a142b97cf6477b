-- The headline: counts over events, and what only visits can say.
SELECT *
FROM (
    SELECT
        count(DISTINCT visitor_id) AS unique_visitors,
        count(*) FILTER (event_name = 'pageview') AS total_pageviews,
        count(*) AS events
    FROM event
) CROSS JOIN (
    SELECT
        count(*) AS visits,
        count(*) FILTER (bounced) AS bounces,
        CAST(coalesce(sum(duration_ms), 0) AS BIGINT) AS duration_ms,
        CAST(coalesce(sum(pageviews), 0) AS BIGINT) AS visit_pageviews
    FROM visit
)
