-- The visits of a day, numbered in the order of their file. Of a visitor with several all but the first are above 1.
CREATE TEMP TABLE numbered AS
SELECT
    CAST({number} - 1 AS INTEGER) AS number,
    {is_only} AS is_only,
    *
FROM (SELECT * EXCLUDE (opening), {opening} FROM visit ORDER BY {order}, visit_number)
