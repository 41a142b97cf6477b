-- Each line that is a JSON object, as one row of text. A key that comes twice has its first value.
SELECT line, unnest(json_transform(text, $shape))
FROM {lines}
WHERE starts_with(ltrim(text), '{{')
