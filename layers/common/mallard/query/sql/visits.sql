-- A visit is a visitor's events with no gap over 30 minutes; it ends at the site's midnight.
-- Its source, place and device are those of its first event.
numbered AS (
    SELECT *, sum(opens) OVER (PARTITION BY date, visitor_id ORDER BY timestamp, event_id) AS visit_number
    FROM (
        SELECT
            *,
            CASE
                WHEN timestamp - lag(timestamp) OVER (PARTITION BY date, visitor_id ORDER BY timestamp, event_id)
                    <= INTERVAL 30 MINUTE THEN 0
                ELSE 1
            END AS opens
        FROM {source}
        WHERE visitor_id IS NOT NULL
    )
),
visit AS (
    SELECT
        date,
        visitor_id,
        visit_number,
        count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
        events = 1 AND pageviews = 1 AS bounced
        {opening}
    FROM numbered
    GROUP BY date, visitor_id, visit_number
)
