-- The first time at which each step was reached, without ends. A place is a moment and a step within it.
reached AS MATERIALIZED (
    SELECT {keys}, step, earliest.us AS us, earliest.event_id AS event_id, earliest.us * {places} + step AS place
    FROM (SELECT {keys}, step, min({{'us': us, 'event_id': event_id}}) AS earliest FROM ({levels}) GROUP BY {keys}, step)
)
