-- The columns of a rollup: money of several currencies has no sum.
SELECT
    * EXCLUDE (revenue, currency_low, currency_high),
    CASE WHEN currency_low IS NOT DISTINCT FROM currency_high THEN revenue END AS revenue,
    CASE WHEN currency_low IS DISTINCT FROM currency_high THEN 'several' ELSE currency_low END AS currency
FROM (
{counted}
)
