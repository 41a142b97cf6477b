"""What is accepted and not yet in the table."""
