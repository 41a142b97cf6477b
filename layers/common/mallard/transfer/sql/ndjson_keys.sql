-- Every key that occurs.
SELECT DISTINCT unnest(json_keys(text))
FROM lines
WHERE CASE WHEN starts_with(ltrim(text), '{') THEN json_valid(text) ELSE false END
