UNION ALL
-- And how many there are, who are many more.
SELECT value, 'total', 0, 0, count(DISTINCT visitor_id) FROM visitor_events GROUP BY value
