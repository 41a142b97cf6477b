-- The values with the most visitors, in the order of reports.
SELECT *
FROM (
{counted}
)
ORDER BY visitors DESC, coalesce(value, '{blank}')
LIMIT {limit}
