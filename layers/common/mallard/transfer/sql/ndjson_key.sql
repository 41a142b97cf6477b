-- The values of one key, by line.
SELECT line, json_transform(text, $shape) AS value
FROM {lines}
WHERE starts_with(ltrim(text), '{{')
ORDER BY line
