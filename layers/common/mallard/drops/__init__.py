"""Counts of dropped events by reason, for a few days."""
