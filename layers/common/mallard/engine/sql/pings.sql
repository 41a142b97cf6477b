-- Engagement pings of visitors, which are rows and no events.
pings AS NOT MATERIALIZED (
    SELECT * FROM {rows} WHERE event_name = 'engagement' AND visitor_id IS NOT NULL
)
