-- Visits with the start of the same visitor's next one, NULL where there is none.
bounded AS NOT MATERIALIZED (
    SELECT *, CAST(NULL AS TIMESTAMP) AS next_at, true AS is_first FROM {visits} WHERE is_only
    UNION ALL BY NAME
    SELECT *, lead(started_at) OVER day AS next_at, lag(started_at) OVER day IS NULL AS is_first
    FROM {visits}
    WHERE NOT is_only
    WINDOW day AS (PARTITION BY date, visitor_id ORDER BY started_at)
)
