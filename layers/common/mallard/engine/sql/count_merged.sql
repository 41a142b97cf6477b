SELECT {dimension} AS dimension, value{measures}
FROM (
{parts}
)
GROUP BY value
