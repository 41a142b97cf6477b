level_1 AS MATERIALIZED (
    SELECT {keys}, us{order}, us AS begun{cents} FROM open WHERE mask & 1 > 0
)
