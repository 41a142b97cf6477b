-- One row for each local hour, under the moment (UTC) at which it begins. `hours` has those moments for each date, and
-- from which timestamp on an event of that date is the hour's: the first and the last hour have whatever lies beyond.
SELECT
    'hour' AS dimension,
    strftime(hours.start, '%Y-%m-%d %H:%M') AS value,
    count(DISTINCT visitor_id) AS visitors,
    0 AS visits,
    0 AS bounces,
    0 AS landings,
    0 AS duration_ms,
    0 AS visit_pageviews,
    count(*) FILTER (event_name = 'pageview') AS pageviews,
    count(*) AS events{money}
FROM matched ASOF LEFT JOIN hours ON matched.date = hours.date AND matched.timestamp >= hours.since
GROUP BY value
