"""Mallard Metrics: privacy-first web analytics as serverless functions over object storage."""

__version__ = "0.1.0"
