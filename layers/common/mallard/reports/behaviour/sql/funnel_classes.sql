-- No event may be two steps. Events of one moment that meet the same steps stand for each other, and are used in order;
-- where there are as many as the steps they meet, there is always one left, and none has to be remembered.
classed AS MATERIALIZED (
    SELECT
        *,
        lag(event_id) OVER (PARTITION BY {keys}, us, mask ORDER BY event_id) AS twin_id,
        min(event_id) OVER (PARTITION BY {keys}, us, mask) AS class_id,
        count(*) OVER (PARTITION BY {keys}, us, mask) < bit_count(mask) AS is_rare
    FROM open
)
