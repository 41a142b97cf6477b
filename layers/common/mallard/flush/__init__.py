"""From the queue to the table."""
