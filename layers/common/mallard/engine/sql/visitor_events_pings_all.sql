-- The events of visitors, and the engagement pings that come after a visitor's first event of the day: without a filter
-- every visit passes, so they need not be told apart.
visitor_events AS NOT MATERIALIZED (
    SELECT {columns}, {value} AS value FROM every AS event WHERE visitor_id IS NOT NULL
    UNION ALL
    SELECT {columns}, {value} AS value
    FROM pings AS event JOIN (
        SELECT date, visitor_id, min(timestamp) AS begun FROM every WHERE visitor_id IS NOT NULL GROUP BY date, visitor_id
    ) AS seen
      ON event.date = seen.date AND event.visitor_id = seen.visitor_id AND event.timestamp >= seen.begun
)
