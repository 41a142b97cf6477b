-- One row with the number and duration of visits, where no other measure is needed. This needs no assembly of
-- visits: a visitor's day lasts from its first interactive event to its last, and each longer gap between those is the
-- end of one more visit, and no part of any. `place` is their time in milliseconds, doubled: even where it is rounded,
-- odd where it is exact.
event AS MATERIALIZED (
    SELECT
        date, visitor_id,
        CASE WHEN interactive IS NOT FALSE THEN epoch_ms(timestamp) * 2 + CAST(hour_order IS NULL AS INTEGER) END AS place,
        event_name = 'pageview' AS viewed
    FROM every
    WHERE visitor_id IS NOT NULL
),
visitor_day AS MATERIALIZED (
    SELECT date, visitor_id, coalesce((max(place) >> 1) - (min(place) >> 1), 0) AS lasting_ms
    FROM event
    GROUP BY date, visitor_id
),
-- Only longer days, a quarter of the events, may hold a gap.
gap AS (
    SELECT lasting_ms
    FROM (
        SELECT (place >> 1) - (before >> 1) AS lasting_ms, before & 1 = 0 AS is_behind_rounded
        FROM (
            SELECT place, lag(place) OVER (PARTITION BY date, visitor_id ORDER BY place) AS before
            FROM event SEMI JOIN (
                SELECT date, visitor_id FROM visitor_day WHERE lasting_ms > {gap_ms}
            ) USING (date, visitor_id)
            WHERE place IS NOT NULL
        )
    )
    WHERE lasting_ms > CASE WHEN is_behind_rounded THEN {rounded_gap_ms} ELSE {gap_ms} END
)
SELECT 0 AS grouping, {measures}
FROM (
    SELECT visitor_days + gaps AS visits, lasting_ms - away_ms AS duration_ms, visit_pageviews
    FROM (
        SELECT count(*) AS visitor_days, coalesce(sum(lasting_ms), 0) AS lasting_ms FROM visitor_day
    ) CROSS JOIN (
        SELECT count(*) FILTER (viewed) AS visit_pageviews FROM event
    ) CROSS JOIN (
        SELECT count(*) AS gaps, coalesce(sum(lasting_ms), 0) AS away_ms FROM gap
    )
)
