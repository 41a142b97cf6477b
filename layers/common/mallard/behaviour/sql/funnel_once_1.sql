level_1 AS MATERIALIZED (
    SELECT {keys}, ms, event_id, CASE WHEN is_rare THEN [event_id] ELSE [] END AS used, ms AS begun
    FROM classed
    WHERE mask & 1 > 0 AND twin_id IS NULL
)
