"""Builds stores, queues, tables, ingest and jobs from settings."""
