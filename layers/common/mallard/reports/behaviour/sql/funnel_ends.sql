ended AS MATERIALIZED (
    SELECT {keys}, min(place) AS place FROM ({ends}) GROUP BY {keys}
)
