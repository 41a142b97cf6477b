-- The visits of closed days; events without a visitor, which stand in their place, are none.
SELECT site_id, {columns}
FROM read_parquet([{files}], hive_partitioning = true, hive_types = {{'site_id': VARCHAR}})
WHERE visitor_id IS NOT NULL
