-- Visitors by the interval of their first event in the range, and the number seen in it, in the next …
-- Intervals are counted from that of the range's first date. `seen` has a bit for each.
SELECT {value} AS value, cohort, count(*) AS size, {counts}
FROM (
    SELECT {keys}, min(number) AS cohort, {seen} AS seen
    FROM (SELECT {keys}, date_diff('{interval}', $begin, date) AS number FROM visitor_events)
    GROUP BY {keys}
)
GROUP BY ALL
