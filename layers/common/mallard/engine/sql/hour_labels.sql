-- Hours are text only where they are few.
SELECT * REPLACE (strftime(TIMESTAMP '1970-01-01' + to_minutes(value), '%Y-%m-%d %H:%M') AS value)
FROM (
{counted}
)
