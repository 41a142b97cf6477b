SELECT
    {columns}
FROM {rows}{grouped}
