"""SQL of queries: statements, filters and goals."""
