matched ASOF LEFT JOIN hours ON matched.date = hours.date AND matched.timestamp >= hours.since
