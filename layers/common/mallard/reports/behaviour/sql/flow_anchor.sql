-- The start of each visitor's flow: the {base} event that meets the anchor.
step_0 AS MATERIALIZED (
    SELECT visitor_id, {extreme}({moment}) AS moment, {page} AS page
    FROM visitor_events AS event
    WHERE {anchor}
    GROUP BY visitor_id
)
