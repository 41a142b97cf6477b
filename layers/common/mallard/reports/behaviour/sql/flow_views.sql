-- Page views in the order of the flow; repeats of a page are one.
WITH views AS (
    SELECT visitor_id, moment, page, mask
    FROM (
        SELECT visitor_id, {moment} AS moment, {path} AS page, {mask} AS mask
        FROM visitor_events AS event
        WHERE event_name = 'pageview'
    )
    WINDOW way AS (PARTITION BY visitor_id ORDER BY moment {order})
    QUALIFY page IS DISTINCT FROM lag(page) OVER way
),
