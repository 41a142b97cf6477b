-- What is read of all events.
event AS {kept} (
    SELECT {columns} FROM every
)
