(
        SELECT * FROM visit
        UNION ALL BY NAME
        SELECT
            date, visitor_id, false AS bounced, false AS entered, 0 AS duration_ms, 0 AS visit_pageviews,
            CAST(event_name = 'pageview' AS INTEGER) AS pageviews, 1 AS events{of_event}
        FROM matched
        WHERE visitor_id IS NULL
    ) AS event
