{every} AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name <> 'engagement' AND timestamp >= $since AND timestamp < $until
)
