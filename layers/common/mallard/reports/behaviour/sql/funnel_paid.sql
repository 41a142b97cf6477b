-- Payments of every event that is a step within the window, whether it was the first or not.
SELECT {value}, step, 0::BIGINT AS visitors, CAST(sum(cents) AS BIGINT) AS cents FROM {rows} GROUP BY ALL
