-- The filter matches all events of a visit or none.
visit AS (
    SELECT * FROM passing
)
