-- The visits that pass the filter, and the matching events of those visits and of no visitor.
passing AS MATERIALIZED (
    SELECT * EXCLUDE (interactions), interactions = 1 AND pageviews = 1 AS bounced, {landing} AS entered, pageviews AS visit_pageviews
    FROM {visits} AS visit
    WHERE {visit}
),
{matched} AS MATERIALIZED (
    SELECT event.*, 0 AS visit_number
    FROM event JOIN passing AS visit ON event.date = visit.date AND event.visitor_id = visit.visitor_id
    WHERE visit.visit_number = 0 AND ({event})
    UNION ALL BY NAME
    SELECT event.* EXCLUDE (opens)
    FROM long_days AS event JOIN passing AS visit
      ON event.date = visit.date AND event.visitor_id = visit.visitor_id AND event.visit_number = visit.visit_number
    WHERE {event}
    UNION ALL BY NAME
    SELECT *, 0 AS visit_number FROM event WHERE visitor_id IS NULL
)
