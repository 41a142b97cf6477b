-- The steps of those visits that pass the filter.
matched AS {kept} (
    SELECT date, number, visitor_id, is_only, {steps}
    FROM (
        SELECT date, number, visitor_id, is_only{columns}
        FROM {visits} AS visit
        WHERE {visit}
    ) AS event
    WHERE {event}
)
