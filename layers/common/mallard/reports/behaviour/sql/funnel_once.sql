-- Every moment with an event that is step {step}, the rare events of that moment that were used, and the latest beginning.
level_{step} AS MATERIALIZED (
    SELECT {keys}, us, min(class_id) AS event_id, used, max(begun) AS begun
    FROM (
        SELECT
            {event_keys},
            event.us,
            event.class_id,
            CASE WHEN event.is_rare THEN [event.event_id] ELSE [] END AS used,
            before.begun
        FROM classed AS event ASOF JOIN (
            SELECT {keys}, us, max(begun) AS begun FROM level_{before} GROUP BY {keys}, us
        ) AS before ON {same_visitor} AND event.us > before.us
        WHERE event.mask & {bit} > 0 AND event.twin_id IS NULL AND event.us - before.begun <= {window_us}
        UNION ALL
        SELECT
            {event_keys},
            event.us,
            event.class_id,
            CASE WHEN event.is_rare THEN list_sort(list_append(before.used, event.event_id)) ELSE before.used END,
            before.begun
        FROM classed AS event JOIN level_{before} AS before ON {same_visitor} AND event.us = before.us
        WHERE {same_moment} AND event.mask & {bit} > 0 AND event.us - before.begun <= {window_us}
          AND NOT list_contains(before.used, event.event_id)
          AND (event.twin_id IS NULL OR (event.is_rare AND list_contains(before.used, event.twin_id)))
    )
    GROUP BY {keys}, us, used
)
