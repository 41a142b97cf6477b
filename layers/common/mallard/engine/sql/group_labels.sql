-- Times are text only where they are few.
SELECT * REPLACE ({labels})
FROM (
{grouped}
)
