"""Normalization of text to its stored form: hosts, paths, names, masks."""
