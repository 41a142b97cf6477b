"""Health and metrics of a running instance."""
