-- Each event of a span of time once, as in events_both.
{every} AS NOT MATERIALIZED (
    SELECT * FROM stored WHERE event_name <> 'engagement' AND timestamp >= $since AND timestamp < $until
    UNION ALL BY NAME
    SELECT * FROM waiting
    WHERE event_name <> 'engagement' AND timestamp >= $since AND timestamp < $until
      AND event_id NOT IN (
          SELECT event_id FROM stored
          WHERE date IN (SELECT date FROM waiting) AND event_id IN (SELECT event_id FROM waiting)
      )
)
