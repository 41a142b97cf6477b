-- One row for each value of a dimension of the visit; events without a visitor count under their own value.
SELECT
    '{name}' AS dimension,
    value,
    count(DISTINCT visitor_id) AS visitors,
    sum(visits) AS visits,
    sum(bounces) AS bounces,
    sum(duration_ms) AS duration_ms,
    sum(visit_pageviews) AS visit_pageviews,
    sum(pageviews) AS pageviews,
    sum(events) AS events,
    {money}
FROM (
    SELECT
        dim_{name} AS value,
        visitor_id,
        1 AS visits,
        CAST(bounced AS INTEGER) AS bounces,
        duration_ms,
        pageviews AS visit_pageviews,
        pageviews,
        events,
        revenue,
        currency_low,
        currency_high
    FROM visit
    UNION ALL
    SELECT
        {dimension}, NULL, 0, 0, 0, 0, CAST(event_name = 'pageview' AS INTEGER), 1, revenue, currency_low, currency_high
    FROM event_money
    WHERE visitor_id IS NULL AND {counts_strangers}
)
GROUP BY value
