-- A visit is a visitor's events with no gap over 30 minutes; it ends at the site's midnight. A rounded time, whose
-- ordinal is negative, is up to an hour before the true one, so that the gap behind it may be as long.
-- What a visitor's events of a day add up to: where all of them lie within 30 minutes, that is a visit already.
person AS MATERIALIZED (
    SELECT date, visitor_id, {measures}
    FROM event
    WHERE visitor_id IS NOT NULL
    GROUP BY date, visitor_id
),
-- Only the others, about a quarter of all events, have to be put in order to be told apart.
spread AS MATERIALIZED (
    SELECT *, sum(opens) OVER (PARTITION BY date, visitor_id ORDER BY timestamp, ordinal) AS visit_number
    FROM (
        SELECT
            *,
            CASE
                WHEN timestamp - lag(timestamp) OVER visitor <= INTERVAL 30 MINUTE THEN 0
                WHEN lag(ordinal) OVER visitor < 0 AND timestamp - lag(timestamp) OVER visitor <= INTERVAL 60 MINUTE THEN 0
                ELSE 1
            END AS opens
        FROM event SEMI JOIN (SELECT date, visitor_id FROM person WHERE duration_ms > 1800000) USING (date, visitor_id)
        WINDOW visitor AS (PARTITION BY date, visitor_id ORDER BY timestamp, ordinal)
    )
),
every_visit AS (
    SELECT *, 0 AS visit_number FROM person WHERE duration_ms <= 1800000
    UNION ALL BY NAME
    SELECT date, visitor_id, visit_number, {measures}
    FROM spread AS event
    GROUP BY date, visitor_id, visit_number
)
