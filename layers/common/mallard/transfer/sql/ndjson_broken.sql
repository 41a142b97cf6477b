-- The lines that are no JSON object; blank ones are none of ours.
SELECT line, CASE WHEN json_valid(text) THEN 'it is not a JSON object.' ELSE 'it is not JSON.' END
FROM lines
WHERE trim(text, E' \t\r\n') <> '' AND NOT (json_valid(text) AND starts_with(ltrim(text), '{'))
ORDER BY line
