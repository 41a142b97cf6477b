-- Without a filter every event counts.
matched AS NOT MATERIALIZED (
    SELECT * FROM event
)
