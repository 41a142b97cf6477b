-- Whoever came within the window that way came as far as one can. Only the others might come further from a later
-- beginning, or not as far. They are few: DuckDB, which cannot know that, must not build its hash table of the events.
late AS MATERIALIZED (
    SELECT DISTINCT {keys} FROM ({firsts}) WHERE us - begun > {window_us}
),
open AS MATERIALIZED (
    SELECT * FROM met WHERE coalesce(({keys}) IN (SELECT {keys} FROM late), false)
)
