-- How many rows the segments say they have, and whether some visitor ids among them live longer than the day.
SELECT
    (SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata($files)) AS rows,
    (
        SELECT count(*) > 0 FROM parquet_kv_metadata($files)
        WHERE decode(key) = 'mallard.visitors_span_days' AND decode(value) = 'true'
    ) AS spans_days
