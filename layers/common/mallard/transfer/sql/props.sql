-- Every props, once, that is not plain. A plain one is kept as it stands.
SELECT DISTINCT props
FROM lines
WHERE
    props <> ''
    AND CASE
        WHEN length(props) <= $max_length AND regexp_full_match(props, $plain)
            THEN
                -- A key that comes twice has its last value, as at ingest.
                (length(props) - length(replace(props, '":', ''))) // 2 > 1
                AND (
                    len(json_keys(props)) > $max_count
                    OR len(list_distinct(json_keys(props))) < len(json_keys(props))
                )
        ELSE true
    END
