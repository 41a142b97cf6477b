-- The filter matches all events of a visit or none.
visit AS NOT MATERIALIZED (
    SELECT * FROM passing
)
