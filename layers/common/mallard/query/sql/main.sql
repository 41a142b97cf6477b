-- The headline: counts over events, what only visits can say, and the days that are already counted.
SELECT
    CAST(coalesce(sum(visitors), 0) AS BIGINT) AS visitors,
    CAST(coalesce(sum(visits), 0) AS BIGINT) AS visits,
    CAST(coalesce(sum(bounces), 0) AS BIGINT) AS bounces,
    CAST(coalesce(sum(duration_ms), 0) AS BIGINT) AS duration_ms,
    CAST(coalesce(sum(visit_pageviews), 0) AS BIGINT) AS visit_pageviews,
    CAST(coalesce(sum(pageviews), 0) AS BIGINT) AS pageviews,
    CAST(coalesce(sum(events), 0) AS BIGINT) AS events
FROM (
    SELECT *
    FROM (
        SELECT
            count(DISTINCT visitor_id) AS visitors,
            count(*) FILTER (event_name = 'pageview') AS pageviews,
            count(*) AS events
        FROM event
    ) CROSS JOIN (
        SELECT
            count(*) AS visits,
            count(*) FILTER (bounced) AS bounces,
            sum(duration_ms) AS duration_ms,
            sum(pageviews) AS visit_pageviews
        FROM visit
    )
    UNION ALL BY NAME
    SELECT visitors, visits, bounces, duration_ms, visit_pageviews, pageviews, events FROM rollup
)
