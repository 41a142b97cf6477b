{every} AS NOT MATERIALIZED (
    SELECT * FROM waiting WHERE event_name <> 'engagement' AND timestamp >= $since AND timestamp < $until
)
