-- How many rows were read, pings included: checked against the footers, and not kept.
SELECT
    'rows' AS dimension,
    CAST(NULL AS VARCHAR) AS value,
    0 AS visitors, 0 AS visits, 0 AS bounces, 0 AS landings, 0 AS duration_ms, 0 AS visit_pageviews, 0 AS pageviews,
    count(*) AS events,
    CAST(NULL AS DECIMAL(18, 2)) AS revenue,
    CAST(NULL AS VARCHAR) AS currency
FROM stored
