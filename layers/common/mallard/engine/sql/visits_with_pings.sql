(
        SELECT every_visit.* REPLACE ({flags})
        FROM every_visit LEFT JOIN pings_done
          ON every_visit.date = pings_done.date AND every_visit.visitor_id = pings_done.visitor_id
          AND every_visit.visit_number = pings_done.visit_number
    )
