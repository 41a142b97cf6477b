-- One row: how many visits and how long they are, where nothing else is asked of them. For that they need not be put
-- together: a visitor's day lasts from its first event to its last, and each gap over 30 minutes in it is the end of one
-- more visit, and no part of any. Measures that this does not tell are 0.
event AS MATERIALIZED (
    SELECT date, visitor_id, epoch_ms(timestamp) AS ms, event_name = 'pageview' AS viewed
    FROM every
    WHERE visitor_id IS NOT NULL
),
person AS MATERIALIZED (
    SELECT date, visitor_id, max(ms) - min(ms) AS lasting_ms
    FROM event
    GROUP BY date, visitor_id
),
-- Only who was there for over 30 minutes, a quarter of the events, may have been away in between.
gap AS (
    SELECT lasting_ms
    FROM (
        SELECT ms - lag(ms) OVER (PARTITION BY date, visitor_id ORDER BY ms) AS lasting_ms
        FROM event SEMI JOIN (SELECT date, visitor_id FROM person WHERE lasting_ms > 1800000) USING (date, visitor_id)
    )
    WHERE lasting_ms > 1800000
)
SELECT
    'total' AS dimension,
    CAST(NULL AS VARCHAR) AS value,
    0 AS visitors,
    persons + gaps AS visits,
    0 AS bounces,
    0 AS landings,
    lasting_ms - away_ms AS duration_ms,
    visit_pageviews,
    0 AS pageviews,
    0 AS events
FROM (
    SELECT count(*) AS persons, coalesce(sum(lasting_ms), 0) AS lasting_ms FROM person
) CROSS JOIN (
    SELECT count(*) FILTER (viewed) AS visit_pageviews FROM event
) CROSS JOIN (
    SELECT count(*) AS gaps, coalesce(sum(lasting_ms), 0) AS away_ms FROM gap
)
