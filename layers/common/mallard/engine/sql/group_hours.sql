ASOF LEFT JOIN hours ON event.date = hours.date AND event.timestamp >= hours.since
