"""What a function on AWS tells of itself: log lines, metrics and traces, none of which holds anything of a request."""
