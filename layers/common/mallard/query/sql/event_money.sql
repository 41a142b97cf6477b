-- Events with their money in the shape that visits have it too: an amount and the range of its currencies.
event_money AS (
    SELECT
        *,
        revenue_amount AS revenue,
        CASE WHEN revenue_amount IS NOT NULL THEN coalesce(revenue_currency, '') END AS currency_low,
        currency_low AS currency_high
    FROM event
)
