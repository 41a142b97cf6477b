-- Only events that meet some step are read any further; `mask` has a bit for each step that the event meets.
met AS MATERIALIZED (
    SELECT {keys}, epoch_ms(timestamp) AS ms{order}, {mask} AS mask
    FROM trail AS event
    WHERE {any}
)
