-- Rows of one grouping, of all portions and rollups.
CREATE OR REPLACE TEMP TABLE merged AS
SELECT * FROM (
    SELECT
        {columns}
    FROM grouped
    WHERE grouping = $grouping{grouped}
){only}
