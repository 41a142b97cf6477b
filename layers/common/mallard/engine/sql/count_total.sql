-- One row: what everything adds up to.
SELECT
    'total' AS dimension,
    CAST(NULL AS VARCHAR) AS value,
    visitors, visits, bounces, landings, duration_ms, visit_pageviews, pageviews, events{money_names}
FROM (
    SELECT
        count(DISTINCT visitor_id) AS visitors,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        count(*) AS events{money}
    FROM matched
) CROSS JOIN (
    SELECT
        count(*) AS visits,
        count(*) FILTER (bounced AND lands) AS bounces,
        count(*) FILTER (lands) AS landings,
        coalesce(sum(duration_ms), 0) AS duration_ms,
        coalesce(sum(visit_pageviews), 0) AS visit_pageviews
    FROM visit
)
