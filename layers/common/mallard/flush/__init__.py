"""Moves events from the queue to the table."""
