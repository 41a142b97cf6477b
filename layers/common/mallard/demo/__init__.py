"""Synthetic traffic of a realistic site, for ``mallard demo`` and benches."""
