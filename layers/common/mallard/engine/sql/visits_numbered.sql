-- The visits of a day, numbered in the order of their file.
CREATE TEMP TABLE numbered AS
SELECT
    CAST(row_number() OVER (ORDER BY {order}, started_at) - 1 AS INTEGER) AS number,
    count(*) OVER (PARTITION BY visitor_id) = 1 AS is_only,
    *
FROM (SELECT * EXCLUDE (opening), {opening} FROM visit)
