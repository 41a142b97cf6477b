-- strict_order: so does step {step} where the one before it was not reached yet.
SELECT {event_keys}, event.us * {places} + {step} AS place
FROM open AS event
JOIN (SELECT * FROM reached WHERE step = 1) AS begun ON {same_begun}
LEFT JOIN (SELECT * FROM reached WHERE step = {before}) AS reached ON {same_reached}
WHERE event.mask & {bit} > 0 AND event.us >= begun.us AND (reached.us IS NULL OR event.us < reached.us)
