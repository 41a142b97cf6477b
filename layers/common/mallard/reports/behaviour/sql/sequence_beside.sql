-- Events with a next one just behind them.
{name} AS MATERIALIZED (
    SELECT {here}, next.last{seen}
    FROM placed AS here JOIN {right} AS next ON {same} AND next.place = here.place + 1
    WHERE {meets}
)
