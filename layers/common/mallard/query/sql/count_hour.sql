-- One row for each local hour, under the moment (UTC) at which it begins; `hours` has those moments.
SELECT
    'hour' AS dimension,
    strftime(coalesce(hours.start, (SELECT min(start) FROM hours)), '%Y-%m-%d %H:%M') AS value,
    count(DISTINCT visitor_id) AS visitors,
    0 AS visits,
    0 AS bounces,
    0 AS landings,
    0 AS duration_ms,
    0 AS visit_pageviews,
    count(*) FILTER (event_name = 'pageview') AS pageviews,
    count(*) AS events{money}
FROM matched ASOF LEFT JOIN hours ON matched.timestamp >= hours.start
GROUP BY value
