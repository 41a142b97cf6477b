-- One row for each local date; a visit ends at its midnight.
SELECT
    'day' AS dimension,
    CAST(date AS VARCHAR) AS value,
    visitors,
    coalesce(visits, 0) AS visits,
    coalesce(bounces, 0) AS bounces,
    coalesce(landings, 0) AS landings,
    coalesce(duration_ms, 0) AS duration_ms,
    coalesce(visit_pageviews, 0) AS visit_pageviews,
    pageviews,
    events
FROM (
    SELECT
        date,
        count(DISTINCT visitor_id) AS visitors,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        count(*) AS events
    FROM matched
    GROUP BY date
) LEFT JOIN (
    SELECT
        date,
        count(*) AS visits,
        count(*) FILTER (bounced AND lands) AS bounces,
        count(*) FILTER (lands) AS landings,
        sum(duration_ms) AS duration_ms,
        sum(visit_pageviews) AS visit_pageviews
    FROM visit
    GROUP BY date
) USING (date)
