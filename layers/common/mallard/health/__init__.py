"""What a running instance tells of itself: whether it lives, whether it is ready, and the numbers a monitor reads."""
