-- How many rows were read of each date, pings included, as in rows_read.
SELECT date, count(*) AS rows FROM stored GROUP BY date
