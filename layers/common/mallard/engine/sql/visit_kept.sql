-- The same, and visits that the filter selects although no event of them is to be counted.
visit AS MATERIALIZED (
    SELECT
        visit.* EXCLUDE (events, pageviews),
        coalesce(touched.events, 0) AS events,
        coalesce(touched.pageviews, 0) AS pageviews,
        touched.events IS NOT NULL AS is_touched
    FROM passing AS visit LEFT JOIN (
        SELECT
            date, visitor_id, visit_number, {counted} AS events, count(*) FILTER (event_name = 'pageview') AS pageviews
        FROM matched
        GROUP BY ALL
    ) AS touched
      ON visit.date = touched.date AND visit.visitor_id = touched.visitor_id AND visit.visit_number = touched.visit_number
    WHERE touched.events IS NOT NULL OR ({kept})
)
