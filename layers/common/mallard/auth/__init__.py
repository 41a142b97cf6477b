"""Passwords, login sessions, API keys and shared links."""
