-- The filter matches some events of a visit, and only those are counted.
visit AS MATERIALIZED (
    SELECT passing.* EXCLUDE (events, pageviews), touched.events, touched.pageviews
    FROM passing JOIN (
        SELECT
            date, number, sum(events) AS events, sum(CASE WHEN event_name = 'pageview' THEN events ELSE 0 END) AS pageviews
        FROM matched
        GROUP BY ALL
    ) AS touched USING (date, number)
)
