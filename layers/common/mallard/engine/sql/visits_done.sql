-- Of each visit, the parts of the filter that some event of it meets.
done AS MATERIALIZED (
    SELECT date, number, {done}
    FROM (SELECT date, number{columns} FROM read) AS event
    GROUP BY date, number
)
