"""From the table to numbers."""
