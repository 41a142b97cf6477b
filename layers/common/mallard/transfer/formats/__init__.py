"""CSV, NDJSON, JSON and Parquet: readers of imports, writers of exports and downloads."""
