SELECT {pages}, count(*) AS visitors
FROM step_0 {joined}LEFT JOIN step_{number} USING (visitor_id)
GROUP BY ALL
