"""What was dropped and why, for a few days: so that "why is my event missing?" has an answer."""
