-- The pages after each view from which the steps are taken one right after the other.
runs AS (
    SELECT visitor_id, {begins} AS begins, {places}
    FROM views
    WINDOW way AS (PARTITION BY visitor_id ORDER BY moment {order})
)
SELECT {pages}, count(DISTINCT visitor_id) AS visitors
FROM runs
WHERE begins{kept}
GROUP BY ALL
