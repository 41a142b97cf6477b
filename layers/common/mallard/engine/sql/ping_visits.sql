-- Engagement pings, each of the last visit of its visitor that had begun.
visited_ping AS MATERIALIZED (
    SELECT ping.*, begun.visit_number
    FROM (SELECT {columns} FROM pings) AS ping ASOF JOIN every_visit AS begun
      ON ping.date = begun.date AND ping.visitor_id = begun.visitor_id AND ping.timestamp >= begun.opening.timestamp
)
