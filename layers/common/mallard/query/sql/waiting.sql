-- What the queue still holds of the site and range.
waiting AS NOT MATERIALIZED (
    SELECT * FROM pending WHERE date >= $start AND date < $end
)
