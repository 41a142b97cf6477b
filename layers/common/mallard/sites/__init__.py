"""What is set for each site: its time zone, who may send for it, its goals, who may look."""
