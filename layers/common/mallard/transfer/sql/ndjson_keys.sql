-- Every key that occurs.
SELECT DISTINCT unnest(json_keys(text))
FROM {lines}
WHERE starts_with(ltrim(text), '{{')
