"""Invented traffic of a believable site, for ``mallard demo`` and for benches."""
