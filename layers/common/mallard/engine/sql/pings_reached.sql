-- The pings of passing visits that match the filter and reach a goal.
reached AS MATERIALIZED (
    SELECT event.*
    FROM visited_ping AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
    WHERE ({event}) AND ({reached})
)
