-- The events of one part of the visitors. Those without a visitor are in the first. DuckDB groups by other bits of the
-- hash, so no part has all of its visitors in one place of a table.
every AS NOT MATERIALIZED (
    SELECT * FROM all_events
    WHERE CASE WHEN visitor_id IS NULL THEN 0 ELSE CAST(hash(visitor_id) >> 33 AS BIGINT) % $parts END = $part
)
