-- Visits, whose events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day whose events all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, {measures}
    FROM event
    WHERE visitor_id IS NOT NULL
    GROUP BY date, visitor_id
),
-- Only the others, about a quarter of all events, have to be put in order to be told apart.
long_days AS MATERIALIZED (
    SELECT *, sum(opens) OVER (PARTITION BY date, visitor_id ORDER BY timestamp, ordinal) AS visit_number
    FROM (
        SELECT
            *,
            CASE
                WHEN timestamp - lag(timestamp) OVER visitor <= INTERVAL {gap_ms} MILLISECOND THEN 0
                WHEN lag(ordinal) OVER visitor < 0
                    AND timestamp - lag(timestamp) OVER visitor <= INTERVAL {rounded_gap_ms} MILLISECOND THEN 0
                ELSE 1
            END AS opens
        FROM event SEMI JOIN (
            SELECT date, visitor_id FROM visitor_day WHERE duration_ms > {gap_ms}
        ) USING (date, visitor_id)
        WINDOW visitor AS (PARTITION BY date, visitor_id ORDER BY timestamp, ordinal)
    )
),
every_visit AS (
    SELECT *, 0 AS visit_number FROM visitor_day WHERE duration_ms <= {gap_ms}
    UNION ALL BY NAME
    SELECT date, visitor_id, visit_number, {measures}
    FROM long_days AS event
    GROUP BY date, visitor_id, visit_number
)
