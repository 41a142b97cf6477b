
    UNION ALL
    SELECT {here}, place + 1 AS last{seen} FROM placed AS here WHERE {meets} AND place = places
