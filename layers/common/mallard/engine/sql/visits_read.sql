-- Visits files of some days: visits, and events without a visitor in their place.
read AS NOT MATERIALIZED (
    SELECT * FROM read_parquet($visits)
)
