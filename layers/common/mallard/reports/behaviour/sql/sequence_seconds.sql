UNION ALL
-- The seconds from step to step in a visitor's first match, and how many visitors took as many.
SELECT {value} AS value, 'seconds', number, seen[number + 1] - seen[number], count(*)
FROM (
    SELECT {person}, seen, unnest(range(1, len(seen))) AS number
    FROM (SELECT {person}, arg_min(seen, place) AS seen FROM {timed} GROUP BY {person})
    SEMI JOIN {matched} USING ({person})
)
GROUP BY ALL
