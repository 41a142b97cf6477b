-- The start of the flow of visitors whose {base} page view it is; an event counts as a page view.
step_0 AS MATERIALIZED (
    SELECT visitor_id, {extreme}({moment}) AS moment, {page} AS page
    FROM visitor_events AS event
    WHERE {anchor} OR event_name = 'pageview'
    GROUP BY visitor_id
    HAVING arg_{extreme}({anchor}, {moment})
)
