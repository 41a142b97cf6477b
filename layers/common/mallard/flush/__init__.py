"""Flush of events from the queue to the table."""
