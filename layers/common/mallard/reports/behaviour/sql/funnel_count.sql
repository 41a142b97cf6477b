SELECT {value}, {step} AS step, count(*) AS visitors FROM {rows} GROUP BY ALL
