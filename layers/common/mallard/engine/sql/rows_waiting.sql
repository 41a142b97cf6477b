-- Pending rows, engagement pings included.
every AS (
    SELECT * FROM waiting WHERE timestamp >= $since AND timestamp < $until
)
