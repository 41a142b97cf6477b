"""Settings of sites: time zone, origins, goals, visibility."""
