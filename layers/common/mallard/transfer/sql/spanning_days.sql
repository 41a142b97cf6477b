-- The days without a mark that share a visitor of the files $mine with another day.
WITH mine AS (
    SELECT DISTINCT visitor_id FROM read_parquet($mine, hive_partitioning = false) WHERE visitor_id IS NOT NULL
),
seen AS (
    SELECT DISTINCT e.visitor_id, d.day
    FROM read_parquet($files, hive_partitioning = false, filename = true) e
    JOIN days d ON d.file = e.filename
    WHERE e.visitor_id IN (SELECT visitor_id FROM mine)
),
spanning AS (
    SELECT visitor_id FROM seen GROUP BY visitor_id HAVING count(*) > 1
),
marked AS (
    SELECT d.day
    FROM parquet_kv_metadata($files) m
    JOIN days d ON d.file = m.file_name
    WHERE decode(m.key) = 'mallard.visitors_span_days' AND decode(m.value) = 'true'
)
SELECT DISTINCT day
FROM seen
WHERE visitor_id IN (SELECT visitor_id FROM spanning) AND day NOT IN (SELECT day FROM marked)
