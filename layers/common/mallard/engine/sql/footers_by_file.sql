-- The row counts of the segments' footers, and a flag for visitor ids that live longer than a day, as in footers.
SELECT
    file_name,
    num_rows AS rows,
    file_name IN (
        SELECT file_name FROM parquet_kv_metadata($files)
        WHERE decode(key) = 'mallard.visitors_span_days' AND decode(value) = 'true'
    ) AS spans_days
FROM parquet_file_metadata($files)
