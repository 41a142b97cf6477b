-- How many rows were read, pings included: checked against the footers, and not kept.
SELECT count(*) AS rows FROM stored
