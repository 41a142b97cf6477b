-- The files with a footer of ours, and whether each says that visitor ids in it live longer than their day.
SELECT file_name, bool_or(key = $span AND value = 'true') AS spans_days
FROM parquet_kv_metadata($files)
WHERE key IN ($span, $sealed)
GROUP BY file_name
