-- Rows of the file but for their steps; events without a visitor stand in the place of visits.
SELECT
    * EXCLUDE (revenue, currency_low, currency_high),
    CASE WHEN currency_low IS NOT DISTINCT FROM currency_high THEN revenue END AS revenue_amount,
    CASE WHEN currency_low IS DISTINCT FROM currency_high THEN 'several' ELSE currency_low END AS revenue_currency
FROM (
    SELECT * EXCLUDE (first_moment, entered, visit_pageviews) FROM numbered
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (pathname, hostname, event_name, hour),
        0 AS duration_ms,
        CASE WHEN event_name = 'pageview' THEN events ELSE 0 END AS pageviews,
        false AS bounced,
        false AS is_only
    FROM anonymous
)
WHERE number >= $begin AND number < $end
ORDER BY number
