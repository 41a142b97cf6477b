"""Histograms, log lines and descriptions of faults."""
