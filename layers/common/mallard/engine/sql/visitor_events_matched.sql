-- The events of visitors that the filter is after.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value FROM matched AS event WHERE visitor_id IS NOT NULL
)
