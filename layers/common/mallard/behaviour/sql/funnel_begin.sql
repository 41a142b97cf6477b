-- The first moment of step 1.
first_1 AS MATERIALIZED (
    SELECT {keys}, min(ms) AS ms, min(ms) AS begun FROM met WHERE mask & 1 > 0 GROUP BY {keys}
)
