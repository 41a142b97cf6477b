"""AWS Lambda: events in and out, secrets, logs and metrics."""
