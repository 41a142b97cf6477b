"""Executes queries: from a question to counts."""
