-- The visits of the other days. A visitor id is of one site, and `date` stands for both, as visits are of a date.
SELECT
    date.site_id AS site_id, date.date AS date, visitor_id, CAST(greatest(visit_number, 1) AS INTEGER) AS visit_number,
    started_at, duration_ms, CAST(pageviews AS INTEGER) AS pageviews, CAST(events AS INTEGER) AS events, bounced,
    entry_page, exit_page, {opening},
    CAST(CASE WHEN currency_low IS NOT DISTINCT FROM currency_high THEN revenue END AS DECIMAL(18, 2)) AS revenue_amount,
    CASE WHEN currency_low IS DISTINCT FROM currency_high THEN 'several' ELSE currency_low END AS revenue_currency
FROM visit
