(
        SELECT *, opening.timestamp AS timestamp FROM visit
    ) AS event
