-- Events with which the pattern is through.
{name} AS MATERIALIZED (
    SELECT {here}, place + 1 AS last{seen} FROM placed AS here WHERE {meets}
)
