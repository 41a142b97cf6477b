-- The steps of visits: their events, grouped by page, hostname, name and hour.
CREATE TEMP TABLE step AS
SELECT
    *, row_number() OVER (PARTITION BY number, {page} ORDER BY hour, pathname, hostname, event_name) = 1 AS first_of_page
FROM (
    SELECT number, pathname, hostname, event_name, {hour} AS hour, count(*) AS events
    FROM (
        SELECT number, event.date, timestamp, pathname, hostname, event_name
        FROM event JOIN numbered USING (date, visitor_id)
        WHERE visit_number = 0
        UNION ALL
        SELECT number, event.date, timestamp, pathname, hostname, event_name
        FROM event ASOF JOIN (SELECT * FROM numbered WHERE visit_number > 0) AS numbered
          ON event.date = numbered.date AND event.visitor_id = numbered.visitor_id AND {moment} >= numbered.first_moment
    ) AS visited {lookup}
    GROUP BY ALL
)
