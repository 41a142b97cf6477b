-- An hour is looked up by a whole number: the slot of time in its date. An event outside its date is in the nearest.
LEFT JOIN hours ON hours.slot = CAST(
    ({row}.date - $first_date) * ($last_slot + 1) + greatest(0, least($last_slot,
        (epoch_ms({row}.timestamp) - ({row}.date - DATE '1970-01-01') * 86400000 + {before_ms}) // $slot_ms
    )) AS INTEGER
)
