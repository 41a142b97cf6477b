runs AS (
    SELECT visitor_id, {begins}
    FROM views
    WINDOW way AS (PARTITION BY visitor_id ORDER BY moment {order})
)
SELECT {counts} FROM runs
