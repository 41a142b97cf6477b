level_1 AS MATERIALIZED (
    SELECT {keys}, ms, event_id, [event_id] AS used, ms AS begun FROM classed WHERE mask & 1 > 0 AND twin_id IS NULL
)
