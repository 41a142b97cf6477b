"""Columns derived from a request: user agent, page, referrer, place."""
