SELECT {value}, {step} AS step, count(*) AS visitors{cents} FROM {rows} GROUP BY ALL
