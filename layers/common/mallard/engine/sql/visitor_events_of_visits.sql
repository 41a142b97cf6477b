-- The same, each with the value of the visit it belongs to.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value
    FROM matched AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
)
