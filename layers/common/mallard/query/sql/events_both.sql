-- Each event once: what waits was read before the table was listed, so an id that both have was flushed in between.
every AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name <> 'engagement' AND timestamp >= $since
    UNION ALL BY NAME
    SELECT * FROM waiting
    WHERE event_name <> 'engagement' AND timestamp >= $since
      AND event_id NOT IN (SELECT event_id FROM stored WHERE date IN (SELECT date FROM waiting))
)
