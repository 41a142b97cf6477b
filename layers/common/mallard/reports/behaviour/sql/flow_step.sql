-- The next page view of another page: a reload is no step.
step_{number} AS MATERIALIZED (
    SELECT visitor_id, {nearest}({moment}) AS moment, arg_{nearest}({path}, {moment}) AS page
    FROM visitor_events AS event JOIN step_{before} AS here USING (visitor_id)
    WHERE event_name = 'pageview' AND {moment} {beyond} here.moment AND {path} IS DISTINCT FROM here.page
    GROUP BY visitor_id{kept}
)
