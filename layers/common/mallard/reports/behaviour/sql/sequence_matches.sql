UNION ALL
-- How often, one match after the other: a number holds count and end of what was passed, and begin and end of a match.
SELECT {value} AS value, 'matches', 0, 0, CAST(sum(list_reduce(
    spans,
    lambda passed, span: CASE
        WHEN span >> 31 >= passed & 2147483647 THEN (((passed >> 31) + 1) << 31) | (span & 2147483647)
        ELSE passed
    END,
    0
) >> 31) AS BIGINT)
FROM (SELECT {person}, list((place << 31) | last ORDER BY place) AS spans FROM {matched} GROUP BY {person})
GROUP BY value
