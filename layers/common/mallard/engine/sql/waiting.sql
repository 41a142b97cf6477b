-- Pending events of the site and range, ordered as `stored`.
waiting AS NOT MATERIALIZED (
    SELECT *, coalesce(hour_order - 4611686018427387904, event_id) AS ordinal
    FROM pending
    WHERE date >= $start AND date < $end
)
