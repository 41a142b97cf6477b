-- The events of visitors that match the filter, and the engagement pings of their visits that do. A ping is of the last
-- visit that had begun.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value
    FROM matched AS event JOIN visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
    UNION ALL
    SELECT {columns}, {value} AS value
    FROM (
        SELECT ping.*, begun.visit_number
        FROM pings AS ping ASOF JOIN every_visit AS begun
          ON ping.date = begun.date AND ping.visitor_id = begun.visitor_id AND ping.timestamp >= begun.opening.timestamp
    ) AS event JOIN visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
    WHERE {event}
)
