-- Visitors by day and value, of visits.
SELECT date, visitor_id, {value} AS value FROM {rows} AS event WHERE visitor_id IS NOT NULL AND {part}
