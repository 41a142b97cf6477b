-- Segments and pending events of all sites of an SQL query, with every column of the table.
stored AS NOT MATERIALIZED (
    SELECT site_id, date, {columns}
    FROM (
        SELECT {typed} WHERE false
        UNION ALL BY NAME
        SELECT * FROM read_parquet(
            [{files}],
            hive_partitioning = true,
            hive_types = {{'site_id': VARCHAR, 'date': DATE}},
            union_by_name = true
        )
    )
)
