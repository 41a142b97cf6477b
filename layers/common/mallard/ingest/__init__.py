"""One request into an Event or a Dropped."""
