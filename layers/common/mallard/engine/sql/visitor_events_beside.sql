-- The events that match the filter, of visits in their files. An event is of the visit that began last, or of the first.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value
    FROM every AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id
      AND (visit.is_first OR event.timestamp >= visit.started_at)
      AND (visit.next_at IS NULL OR event.timestamp < visit.next_at)
    WHERE {event}
)
