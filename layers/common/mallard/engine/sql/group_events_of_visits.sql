(
        SELECT event.*{of_visit}
        FROM {matched} AS event JOIN passing AS visit
          ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
        UNION ALL BY NAME
        SELECT *{of_event} FROM matched WHERE visitor_id IS NULL
    ) AS event
