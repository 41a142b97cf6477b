CREATE TEMP TABLE event AS
WITH
{ctes}
SELECT {columns} FROM every
