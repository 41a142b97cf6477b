-- One row for each value of a dimension of the visit; events without a visitor count under their own value, and have
-- no entry and exit page.
SELECT
    '{name}' AS dimension,
    value,
    count(DISTINCT visitor_id) AS visitors,
    sum(visits) AS visits,
    sum(bounces) AS bounces,
    sum(landings) AS landings,
    sum(duration_ms) AS duration_ms,
    sum(visit_pageviews) AS visit_pageviews,
    sum(pageviews) AS pageviews,
    sum(events) AS events{money}
FROM (
    SELECT
        {value} AS value,
        visitor_id,
        1 AS visits,
        CAST(bounced AND lands AS INTEGER) AS bounces,
        CAST(lands AS INTEGER) AS landings,
        duration_ms,
        visit_pageviews,
        pageviews,
        events{money_columns}
    FROM {visits}
    UNION ALL
    SELECT {column}, NULL, 0, 0, 0, 0, 0, CAST(event_name = 'pageview' AS INTEGER), 1{money_columns}
    FROM {rows}
    WHERE visitor_id IS NULL
)
GROUP BY value
