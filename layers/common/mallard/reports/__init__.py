"""Reports that pages and API clients read."""
