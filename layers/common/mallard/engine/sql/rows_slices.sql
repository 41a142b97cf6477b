-- Moments that cut a day's rows into parts of about equal number.
SELECT approx_quantile(timestamp, CAST($shares AS FLOAT[])) FROM read_parquet($files, union_by_name = true)
