-- What the table's segments hold of the site and range. Engagement pings are rows but no events.
stored AS NOT MATERIALIZED (
    SELECT * EXCLUDE (site_id)
    FROM read_parquet(
        $files,
        hive_partitioning = true,
        hive_types = {'site_id': VARCHAR, 'date': DATE},
        union_by_name = true
    )
    WHERE date >= $start AND date < $end
)
