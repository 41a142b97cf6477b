-- One row an hour, for the chart of a day.
SELECT
    'hour' AS dimension,
    strftime(date_trunc('hour', timestamp), '%Y-%m-%d %H:00') AS value,
    count(DISTINCT visitor_id) AS visitors,
    0 AS visits,
    0 AS bounces,
    0 AS duration_ms,
    0 AS visit_pageviews,
    count(*) FILTER (event_name = 'pageview') AS pageviews,
    count(*) AS events,
    {money}
FROM event_money
GROUP BY value
