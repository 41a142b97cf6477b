(
    SELECT {date}{value} AS value, visitor_id, bounced, entered, duration_ms, visit_pageviews, pageviews, events{money}
    FROM {visits}
    UNION ALL
    SELECT {date}{column}, NULL, false, false, 0, 0, CAST(event_name = 'pageview' AS INTEGER), 1{money}
    FROM {anonymous_events}
    WHERE visitor_id IS NULL
)
