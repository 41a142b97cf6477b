-- strict_order: an event that is no step ends it; it stands before the steps of its moment.
SELECT {event_keys}, event.us * {places} AS place
FROM open AS event JOIN reached ON {same_reached}
WHERE reached.step = 1 AND event.mask = 0 AND event.us > reached.us
