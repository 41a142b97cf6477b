"""The language of a query: metrics, dimensions, filters, date ranges."""
