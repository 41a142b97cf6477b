"""Durable queues between ingest and flush."""
