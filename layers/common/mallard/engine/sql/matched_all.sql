-- Without a filter every event counts.
matched AS (
    SELECT * FROM event
)
