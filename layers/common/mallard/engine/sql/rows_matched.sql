-- The rows that match the filter, in order of time.
SELECT {columns} FROM every SEMI JOIN matched USING (date, event_id) ORDER BY timestamp, ordinal
