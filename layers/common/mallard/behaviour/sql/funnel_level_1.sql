level_1 AS MATERIALIZED (
    SELECT {keys}, ms{order}, ms AS begun FROM open WHERE mask & 1 > 0
)
