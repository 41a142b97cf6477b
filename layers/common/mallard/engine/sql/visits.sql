-- Visits, whose interactive events lie no longer apart than the gap. A rounded time has a negative ordinal.
-- A visitor's day of interactive events that all lie within the gap is a visit already.
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, bool_and(interactive) AS all_interactive, {measures}
    FROM event
    WHERE visitor_id IS NOT NULL
    GROUP BY date, visitor_id
),
-- Only the others, about a quarter of all events, have to be put in order to be told apart.
long_days AS MATERIALIZED (
    SELECT *, greatest(sum(opens) OVER (PARTITION BY date, visitor_id ORDER BY timestamp), 1) AS visit_number
    FROM (
        SELECT
            *,
            CASE
                -- It belongs to the visit that began last, at the same moment or before, or to the first.
                WHEN interactive IS FALSE THEN 0
                WHEN timestamp - lag(timestamp) OVER visitor <= INTERVAL {gap_ms} MILLISECOND THEN 0
                WHEN lag(ordinal) OVER visitor < 0
                    AND timestamp - lag(timestamp) OVER visitor <= INTERVAL {rounded_gap_ms} MILLISECOND THEN 0
                ELSE 1
            END AS opens
        FROM event SEMI JOIN (
            SELECT date, visitor_id FROM visitor_day WHERE duration_ms > {gap_ms} OR all_interactive IS FALSE
        ) USING (date, visitor_id)
        WINDOW visitor AS (PARTITION BY date, visitor_id, interactive IS FALSE ORDER BY timestamp, ordinal)
    )
),
every_visit AS (
    SELECT * EXCLUDE (all_interactive), 0 AS visit_number, events AS interactions
    FROM visitor_day
    WHERE duration_ms <= {gap_ms} AND all_interactive IS NOT FALSE
    UNION ALL BY NAME
    SELECT date, visitor_id, visit_number, count(*) FILTER (interactive IS NOT FALSE) AS interactions, {measures_of_part}
    FROM long_days AS event
    GROUP BY date, visitor_id, visit_number
)
