-- The events of visitors that match the filter.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value FROM matched AS event WHERE visitor_id IS NOT NULL
)
