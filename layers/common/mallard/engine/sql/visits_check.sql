-- The number of rows of the file; and of events in the day, in those rows, and in their steps.
SELECT
    (SELECT count(*) FROM numbered) + (SELECT count(*) FROM anonymous),
    (SELECT count(*) FROM event),
    (SELECT coalesce(sum(events), 0) FROM numbered) + (SELECT coalesce(sum(events), 0) FROM anonymous),
    (SELECT coalesce(sum(events), 0) FROM step) + (SELECT coalesce(sum(events), 0) FROM anonymous)
