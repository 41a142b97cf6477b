"""Maintenance jobs: erasures, rollups, retention and expired objects."""
