-- A strict mode reads every visitor with step 1.
open AS MATERIALIZED (
    SELECT * FROM met SEMI JOIN (SELECT {keys} FROM met WHERE mask & 1 > 0) AS begun USING ({keys})
)
