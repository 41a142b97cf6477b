level_1 AS MATERIALIZED (
    SELECT {keys}, us, event_id, CASE WHEN is_rare THEN [event_id] ELSE [] END AS used, us AS begun
    FROM classed
    WHERE mask & 1 > 0 AND twin_id IS NULL
)
