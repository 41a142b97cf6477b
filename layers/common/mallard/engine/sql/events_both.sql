-- Each event once: pending events were read before the listing, so an id in both was flushed in between.
-- From the beginning of time is no condition, whose column would have to be read.
{every} AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name <> 'engagement' AND ($since = TIMESTAMP '0001-01-01' OR timestamp >= $since)
    UNION ALL BY NAME
    SELECT * FROM waiting
    WHERE event_name <> 'engagement' AND timestamp >= $since
      AND event_id NOT IN (
          SELECT event_id FROM stored
          WHERE date IN (SELECT date FROM waiting) AND event_id IN (SELECT event_id FROM waiting)
      )
)
