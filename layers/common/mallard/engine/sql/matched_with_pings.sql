matched AS NOT MATERIALIZED (
    SELECT * FROM matched_events UNION ALL BY NAME SELECT * FROM reached
)
