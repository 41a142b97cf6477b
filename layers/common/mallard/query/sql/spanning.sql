-- The segments that say that some visitor ids among theirs live longer than the day.
SELECT DISTINCT file_name FROM parquet_kv_metadata($files)
WHERE decode(key) = 'mallard.visitors_span_days' AND decode(value) = 'true'
