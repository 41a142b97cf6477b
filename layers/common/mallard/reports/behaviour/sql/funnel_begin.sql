-- The first moment of step 1.
first_1 AS MATERIALIZED (
    SELECT {keys}, min(us) AS us, min(us) AS begun FROM met WHERE mask & 1 > 0 GROUP BY {keys}
)
