-- Events without a visitor belong to no visit and are matched alone.
event AS MATERIALIZED (
    SELECT {columns} FROM every AS event WHERE visitor_id IS NOT NULL OR ({anonymous_event})
)
