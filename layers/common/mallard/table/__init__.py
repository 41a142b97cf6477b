"""The table: Hive-partitioned Parquet, objects replaced whole by compare-and-swap."""
