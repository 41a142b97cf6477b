-- Of each visit with pings, what they have done.
pings_done AS (
    SELECT date, visitor_id, visit_number, {flags} FROM visited_ping AS event GROUP BY ALL
)
