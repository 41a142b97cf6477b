(
        SELECT * FROM stored
        UNION ALL BY NAME
        SELECT * FROM waiting
        WHERE event_id NOT IN (SELECT event_id FROM stored WHERE date IN (SELECT date FROM waiting))
    )
