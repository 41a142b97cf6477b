-- The number of visitors who match.
SELECT {value} AS value, 'converting' AS part, 0 AS number, 0 AS seconds, count(DISTINCT visitor_id) AS visitors
FROM {matched}
GROUP BY value
