-- Events with the first of the next that the gap behind them allows.
{name} AS MATERIALIZED (
    SELECT {here}, {last} AS last{seen}
    FROM (SELECT *, {bound} AS bound FROM placed WHERE {meets}) AS here
    ASOF JOIN {right} AS next ON {same} AND here.bound <= next.moment
    WHERE {within}{ended}
)
