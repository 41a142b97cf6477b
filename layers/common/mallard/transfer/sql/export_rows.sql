-- A day's events as they are stored, in order of time. A column that no file has yet is null.
SELECT $site AS site_id, $day AS date, {columns}
FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
ORDER BY timestamp, coalesce(hour_order - 4611686018427387904, event_id)
