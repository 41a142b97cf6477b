-- Where each visitor's flow begins: the {base} event of theirs that is asked for.
step_0 AS MATERIALIZED (
    SELECT visitor_id, {extreme}({moment}) AS moment, {page} AS page
    FROM visitor_events AS event
    WHERE {anchor}
    GROUP BY visitor_id
)
