-- Only events that meet some step are read further; `mask` has a bit for each step that the event meets. `us` is the
-- time in microseconds, which orders events: those of one visitor's rounded hour are numbered within its first millisecond.
met AS MATERIALIZED (
    SELECT {keys}, epoch_us(timestamp) AS us{order}{payments}, {mask} AS mask
    FROM visitor_events AS event
    WHERE ({any}) AND hour_order IS NULL
    UNION ALL
    SELECT
        {keys},
        epoch_us(timestamp) + least(row_number() OVER (PARTITION BY {keys}, timestamp ORDER BY ordinal), 999) AS us{order}{payments},
        {mask} AS mask
    FROM visitor_events AS event
    WHERE ({any}) AND hour_order IS NOT NULL
)
