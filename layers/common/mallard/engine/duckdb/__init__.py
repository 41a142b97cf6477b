"""The engine over DuckDB: snapshots, plans, rollups, scans, caches."""
