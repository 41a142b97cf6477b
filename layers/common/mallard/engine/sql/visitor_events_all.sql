-- The events of visitors.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value FROM every AS event WHERE visitor_id IS NOT NULL
)
