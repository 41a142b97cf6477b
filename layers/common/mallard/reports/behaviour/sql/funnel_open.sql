-- Visitors who finished within the window that way have reached their last step. Only the others may differ from a
-- later first step. They are few, but DuckDB cannot know that and must not build its hash table of the events.
late AS MATERIALIZED (
    SELECT DISTINCT {keys} FROM ({firsts}) WHERE us - begun > {window_us}
),
open AS MATERIALIZED (
    SELECT * FROM met WHERE coalesce(({keys}) IN (SELECT {keys} FROM late), false)
)
