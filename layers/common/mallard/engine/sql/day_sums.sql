-- The sums of one dimension over the parts of a day.
SELECT
    dimension,
    value,
    {sums}
FROM {table}
WHERE dimension = '{name}'
GROUP BY dimension, value
