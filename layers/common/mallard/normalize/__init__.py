"""Stored forms of text: site ids, hosts, paths, names, masks."""
