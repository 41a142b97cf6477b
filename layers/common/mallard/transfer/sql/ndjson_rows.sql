-- Each line that is a JSON object, as one row of text. A key that comes twice has its first value.
SELECT line, unnest(json_transform(text, $shape))
FROM lines
WHERE CASE WHEN starts_with(ltrim(text), '{') THEN json_valid(text) ELSE false END
