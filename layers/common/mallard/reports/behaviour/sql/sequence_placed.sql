-- The events that meet some step; patterns ignore all others.
marked AS MATERIALIZED (
    SELECT {person}, timestamp, ordinal, {marks}
    FROM visitor_events AS event
    WHERE {met}
),
-- In order, those of visitors who have done each step of the pattern at some time.
placed AS MATERIALIZED (
    SELECT
        * EXCLUDE (timestamp, ordinal),
        epoch_ms(timestamp) // 1000 AS seconds,
        row_number() OVER (PARTITION BY {person} ORDER BY timestamp, ordinal) AS place,
        -- Both in one number, which grows along the events of a visitor.
        seconds * 1073741824 + place AS moment{places}
    FROM marked SEMI JOIN (SELECT {person} FROM marked GROUP BY {person} HAVING {done}) USING ({person})
)
