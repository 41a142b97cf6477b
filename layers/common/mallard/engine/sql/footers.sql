-- The row counts of the segments' footers, and a flag for visitor ids that live longer than a day.
SELECT
    (SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata($files)) AS rows,
    (
        SELECT count(*) > 0 FROM parquet_kv_metadata($files)
        WHERE decode(key) = 'mallard.visitors_span_days' AND decode(value) = 'true'
    ) AS spans_days
