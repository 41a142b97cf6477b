-- What the queue still holds of the site and range, ordered as `stored` is.
waiting AS NOT MATERIALIZED (
    SELECT *, coalesce(hour_order - 4611686018427387904, event_id) AS ordinal
    FROM pending
    WHERE date >= $start AND date < $end
)
