-- A strict mode has to look at every visitor who began.
open AS MATERIALIZED (
    SELECT * FROM met SEMI JOIN (SELECT {keys} FROM met WHERE mask & 1 > 0) AS begun USING ({keys})
)
