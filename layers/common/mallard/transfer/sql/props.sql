-- Every props, once, that is not plain. A plain one is kept as it stands.
SELECT DISTINCT props
FROM lines
WHERE
    props <> ''
    AND NOT (
        length(props) <= $max_length
        AND (length(props) - length(replace(props, '":', ''))) // 2 <= $max_count
        AND regexp_full_match(props, $plain)
    )
