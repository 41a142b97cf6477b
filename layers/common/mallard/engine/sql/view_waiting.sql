-- Pending events, whose ids were read before the listing: an id in both was flushed in between.
waiting AS NOT MATERIALIZED (
    SELECT site_id, date, {columns} FROM read_parquet([{waiting}])
),
flushed AS MATERIALIZED (
    SELECT site_id, date, event_id FROM stored
    WHERE date IN (SELECT date FROM waiting) AND event_id IN (SELECT event_id FROM waiting)
),
every_row AS NOT MATERIALIZED (
    SELECT * FROM stored
    UNION ALL BY NAME
    SELECT * FROM waiting ANTI JOIN flushed USING (site_id, date, event_id)
)
