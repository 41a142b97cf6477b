count(*) AS events,
        count(*) FILTER (event_name = 'pageview') AS pageviews,
        {duration} AS duration_ms{more}
