-- The visits that pass the filter, and the events without a visitor that do. Those land nowhere.
passing AS {kept} (
    SELECT
        {columns}bounced,
        visitor_id IS NOT NULL AND ({landing}) AS entered,
        duration_ms,
        CASE WHEN visitor_id IS NULL THEN 0 ELSE pageviews END AS visit_pageviews,
        pageviews,
        events
    FROM {visits} AS visit
    WHERE {visit}
)
