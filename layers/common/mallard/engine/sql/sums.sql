-- The rows of one dimension, added up, in the order of the question and within its limit.
SELECT
    $dimension AS dimension,
    value,
    {sums}
FROM (
    SELECT * FROM counted WHERE dimension = $dimension
    UNION ALL BY NAME
    SELECT * FROM rolled
)
WHERE {wanted}
GROUP BY value
ORDER BY {order}coalesce(value, $blank)
LIMIT $limit
