-- The filter is after some events of a visit: those are what is counted of it.
visit AS MATERIALIZED (
    SELECT passing.* EXCLUDE (events, pageviews), touched.events, touched.pageviews
    FROM passing JOIN (
        SELECT
            date, visitor_id, visit_number, count(*) AS events, count(*) FILTER (event_name = 'pageview') AS pageviews
        FROM matched
        GROUP BY ALL
    ) AS touched USING (date, visitor_id, visit_number)
)
