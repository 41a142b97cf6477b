-- A visit passes only if its first event passes and some event of it matches the filter, so only visitors with such
-- events are read. Events without a visitor belong to no visit and are matched alone.
candidate AS MATERIALIZED (
    {candidates}
),
event AS MATERIALIZED (
    SELECT {columns} FROM every AS event SEMI JOIN candidate USING (date, visitor_id)
    UNION ALL
    SELECT {columns} FROM every AS event WHERE visitor_id IS NULL AND ({anonymous_event})
)
