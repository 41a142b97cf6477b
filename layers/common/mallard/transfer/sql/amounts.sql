-- Every amount, once, that is not plain. A plain one has two places at most.
SELECT DISTINCT revenue_amount
FROM lines
WHERE revenue_amount <> '' AND NOT regexp_full_match(revenue_amount, $plain)
