"""Ingest over HTTP: the ASGI application and its responses."""
