"""Bounds of the time that a server gives for an event of a batch."""

from datetime import datetime, timedelta

from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.privacy.salts import Salts
from mallard.sites.time_zone import SiteZones

MAX_AHEAD = timedelta(minutes=5)
"""Clocks of senders may be ahead by this much."""

OLDEST = timedelta(days=40)
"""No salt serves longer than a month and the hours after it."""

TOO_LATE = "ts is of a day whose visitor ids can no longer be made; `mallard import` takes it."


def refuse_time(moment: datetime, now: datetime, zones: SiteZones, salts: Salts) -> Dropped | None:
    """The refusal of an event's ``moment``; None where its day has a living salt."""
    if moment > now + MAX_AHEAD:
        return Dropped(DropReason.TIME, "ts is more than five minutes ahead.")
    if moment < now - OLDEST or not salts.lives(zones, zones.local_date(moment), now):
        return Dropped(DropReason.TIME, TOO_LATE)
    return None
