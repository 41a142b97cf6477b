-- Events that complete the pattern.
{name} AS MATERIALIZED (
    SELECT {here}, place + 1 AS last{seen} FROM placed AS here WHERE {meets}
)
