"""No test here is timed: machines are slow at times, and speed is shown by `make bench`."""

from hypothesis import settings

settings.register_profile("mallard", deadline=None)
settings.load_profile("mallard")
