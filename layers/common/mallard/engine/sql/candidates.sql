-- Visitors of a day with an event of which something holds.
    SELECT DISTINCT date, visitor_id FROM every AS event WHERE visitor_id IS NOT NULL AND ({condition})
