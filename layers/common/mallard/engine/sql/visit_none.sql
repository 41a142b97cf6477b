-- Nothing that is asked is about visits.
visit AS (
    SELECT false AS bounced, false AS lands, 0 AS duration_ms, 0 AS visit_pageviews WHERE false
),
matched AS (
    SELECT * FROM event
)
