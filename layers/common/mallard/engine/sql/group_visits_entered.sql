(
        SELECT *, opening.timestamp AS timestamp FROM visit{touched}
    ) AS event
