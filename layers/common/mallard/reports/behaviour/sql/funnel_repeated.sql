-- strict_deduplication: a later step that comes again ends it.
SELECT {event_keys}, event.us * {places} + reached.step AS place
FROM open AS event JOIN reached ON {same_reached}
WHERE reached.step > 1 AND (event.mask >> (reached.step - 1)) & 1 > 0
  AND (event.us > reached.us OR (event.us = reached.us AND event.event_id > reached.event_id))
