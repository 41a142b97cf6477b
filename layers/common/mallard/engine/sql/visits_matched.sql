-- The steps of those visits that pass the filter.
matched AS {kept} (
    SELECT *
    FROM (SELECT {columns} FROM {visits} AS visit WHERE {visit}) AS event
    WHERE {event}
)
