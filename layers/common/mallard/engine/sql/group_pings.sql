(
        -- One row for each visit in a group: how far it scrolled, and how long it was engaged.
        SELECT {keys}max(event.scroll_depth) AS scroll, sum(event.engagement_ms) AS engaged_ms
        FROM (
            SELECT event.*{of_visit}
            FROM (
                -- A ping is of the last visit that had begun.
                SELECT ping.*, begun.visit_number
                FROM pings AS ping ASOF JOIN every_visit AS begun
                  ON ping.date = begun.date AND ping.visitor_id = begun.visitor_id
                  AND ping.timestamp >= begun.opening.timestamp
            ) AS event JOIN visit
              ON event.date = visit.date AND event.visitor_id = visit.visitor_id
              AND event.visit_number = visit.visit_number
            WHERE {condition}
        ) AS event{hours}
        GROUP BY {names}event.date, event.visitor_id, event.visit_number
    ) AS event
