-- Without a filter every visit counts with all its events.
visit AS MATERIALIZED (
    SELECT * EXCLUDE (interactions), interactions = 1 AND pageviews = 1 AS bounced, true AS entered, pageviews AS visit_pageviews FROM every_visit
),
matched AS NOT MATERIALIZED (
    SELECT * FROM event
)
