-- One row for each value of a dimension that is each event's own.
SELECT
    '{name}' AS dimension,
    {value} AS value,
    count(DISTINCT visitor_id) AS visitors,
    0 AS visits,
    0 AS bounces,
    0 AS landings,
    0 AS duration_ms,
    0 AS visit_pageviews,
    count(*) FILTER (event_name = 'pageview') AS pageviews,
    count(*) AS events{money}
FROM {rows}
GROUP BY {value}
