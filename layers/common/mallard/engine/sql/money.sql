,
        CASE WHEN min(currency_low) IS NOT DISTINCT FROM max(currency_high) THEN sum(revenue) END AS revenue,
        CASE WHEN min(currency_low) IS DISTINCT FROM max(currency_high) THEN 'several' ELSE min(currency_low) END AS currency
