-- Visitors of the last minutes.
SELECT count(DISTINCT visitor_id) AS visitors FROM event
