-- Whoever came within the window that way came as far as one can. Only the others might come further from a later
-- beginning, or not as far.
late AS MATERIALIZED (
    SELECT DISTINCT {keys} FROM ({firsts}) WHERE ms - begun > {window_ms}
),
open AS MATERIALIZED (
    SELECT * FROM met SEMI JOIN late USING ({keys})
)
