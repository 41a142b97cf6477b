"""Keeping house: rollups of closed days, erasures, retention, and salts whose time is over."""
