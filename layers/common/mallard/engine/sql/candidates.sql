-- Visitors of a day with an event that meets a condition.
    SELECT DISTINCT date, visitor_id FROM every AS event WHERE visitor_id IS NOT NULL AND ({condition})
