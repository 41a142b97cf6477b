-- Of each visit, the parts of the filter that some event of it meets; visits that meet none are left out.
done AS MATERIALIZED (
    SELECT date, number, {flags}
    FROM (SELECT date, number{columns} FROM read) AS event
    WHERE {any_of_them}
    GROUP BY date, number
),
judged AS NOT MATERIALIZED (
    SELECT read.*, {judged}
    FROM read LEFT JOIN done ON read.date = done.date AND read.number = done.number
)
