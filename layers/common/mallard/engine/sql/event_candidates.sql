-- A visit passes only if its first event does, and if some event of it is one the filter is after: so only visitors
-- with such events are looked at. Events without a visitor belong to no visit and are judged alone.
candidate AS MATERIALIZED (
    {candidates}
),
event AS MATERIALIZED (
    SELECT {columns} FROM every AS event SEMI JOIN candidate USING (date, visitor_id)
    UNION ALL
    SELECT {columns} FROM every AS event WHERE visitor_id IS NULL AND ({anonymous_event})
)
