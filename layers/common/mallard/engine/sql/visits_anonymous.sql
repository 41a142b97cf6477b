-- Groups of equal events without a visitor, numbered behind the visits.
CREATE TEMP TABLE anonymous AS
SELECT
    CAST(
        {begin}(SELECT count(*) FROM numbered) + row_number() OVER (ORDER BY {order}, hour, pathname) - 1 AS INTEGER
    ) AS number,
    *
FROM (
    SELECT
        event.date, CAST(NULL AS BIGINT) AS visitor_id, {first}, pathname, hostname, event_name, {hour} AS hour,
        count(*) AS events,
        sum(revenue) AS revenue, min(currency_low) AS currency_low, max(currency_high) AS currency_high
    FROM event {lookup}
    WHERE visitor_id IS NULL
    GROUP BY ALL
)
