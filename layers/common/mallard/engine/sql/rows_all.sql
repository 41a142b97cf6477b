-- The rows themselves, in order of time.
SELECT {columns} FROM every ORDER BY timestamp, ordinal
