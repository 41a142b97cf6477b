-- Segments with a flag for visitor ids that live longer than a day. A file without our footer has no row.
SELECT file_name, bool_or(decode(key) = 'mallard.visitors_span_days' AND decode(value) = 'true') AS spans_days
FROM parquet_kv_metadata($files)
WHERE decode(key) IN ('mallard.visitors_span_days', 'mallard.sealed')
GROUP BY file_name
