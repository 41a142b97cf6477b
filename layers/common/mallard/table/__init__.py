"""The table: plain Hive-partitioned Parquet whose objects are only ever replaced whole, by compare-and-swap."""
