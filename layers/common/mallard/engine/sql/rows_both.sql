-- Each row once, engagement pings included, with every column that the table knows, whether a file has it or not.
every AS (
    SELECT * FROM stored WHERE timestamp >= $since AND timestamp < $until
    UNION ALL BY NAME
    SELECT * FROM waiting
    WHERE timestamp >= $since AND timestamp < $until
      AND event_id NOT IN (SELECT event_id FROM stored WHERE date IN (SELECT date FROM waiting))
)
