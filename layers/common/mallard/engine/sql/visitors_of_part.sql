CAST(hash(visitor_id) >> 33 AS BIGINT) % $parts = $part
