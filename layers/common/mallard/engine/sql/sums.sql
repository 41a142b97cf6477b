-- Sums by the values of one dimension, in the order and limit of the query.
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
