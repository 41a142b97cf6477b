-- When each step was reached for the first time, were there no end. A place is a moment and a step within it.
reached AS MATERIALIZED (
    SELECT {keys}, step, earliest.ms AS ms, earliest.event_id AS event_id, earliest.ms * 64 + step AS place
    FROM (SELECT {keys}, step, min({{'ms': ms, 'event_id': event_id}}) AS earliest FROM ({levels}) GROUP BY {keys}, step)
)
