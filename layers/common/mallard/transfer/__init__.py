"""Whole files of events in and out of the table: NDJSON, CSV and Parquet, of any size, in bounded memory."""
