-- The filter matches some events of a visit, and only those are counted.
visit AS MATERIALIZED (
    SELECT passing.* EXCLUDE (events, pageviews), touched.events, touched.pageviews
    FROM passing JOIN (
        SELECT
            date, visitor_id, visit_number, {counted} AS events, count(*) FILTER (event_name = 'pageview') AS pageviews
        FROM matched
        GROUP BY ALL
    ) AS touched USING (date, visitor_id, visit_number)
)
