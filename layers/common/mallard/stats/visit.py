"""The definition of a visit."""

from datetime import timedelta

VISIT_GAP = timedelta(minutes=30)
"""The longest time between two events of one visit; a visit also ends at the site's midnight."""

ROUNDED_GAP = timedelta(minutes=60)
"""The same behind a time that was rounded to its hour, which is up to an hour before the true one."""
