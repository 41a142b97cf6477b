-- Steps of the rows. A group of events without a visitor is one.
SELECT * FROM (
    SELECT * FROM step
    UNION ALL BY NAME
    SELECT number, pathname, hostname, event_name, hour, events, true AS first_of_page FROM anonymous
)
WHERE number >= $begin AND number < $end
ORDER BY number, hour, pathname, hostname, event_name
