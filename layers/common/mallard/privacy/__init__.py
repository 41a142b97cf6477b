"""Salts, rotation, visitor ids and redaction."""
