"""File formats of imports and exports: CSV, NDJSON and Parquet."""
