"""Which sites are taken: the allow-list, or any valid id with a bound on new ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from mallard.ingest.dropped import Dropped, Reason
from mallard.ingest.page import host_of

NEW_SITES_PER_HOUR = 100


def listed(host: str, patterns: Iterable[str]) -> bool:
    """Whether a host is one of the patterns: itself, or below the domain of a ``*.domain``."""
    return any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in patterns)


def host_of_site(site_id: str) -> str:
    """The host that a site id is, without its port; an IPv6 address has none."""
    return site_id if site_id.count(":") > 1 else site_id.partition(":")[0]


class Sites:
    """The allow-list, and the sites met so far."""

    def __init__(
        self, allowed: tuple[str, ...], known: Iterable[str] = (), new_per_hour: int | None = NEW_SITES_PER_HOUR
    ) -> None:
        """Without an allow-list at most ``new_per_hour`` sites beyond ``known`` are taken (None: no bound)."""
        self._allowed = allowed
        self._known = set(known)
        self._new_per_hour = new_per_hour
        self._new: list[datetime] = []

    def knows(self, site_id: str) -> bool:
        """True where it is listed, or met before where there is no list: what a refusal says of it may be noted."""
        if self._allowed:
            return listed(site_id, self._allowed)
        return site_id in self._known or self._new_per_hour is None

    def refuse_site(self, site_id: str, now: datetime) -> Dropped | None:
        """Why a site's events are not taken, if so."""
        if self._allowed:
            if listed(site_id, self._allowed):
                return None
            return Dropped(Reason.SITE, "This site is not on the server's list (MALLARD_SITES).")
        if site_id in self._known or self._new_per_hour is None:
            return None
        self._new = [moment for moment in self._new if now - moment < timedelta(hours=1)]
        if len(self._new) >= self._new_per_hour:
            wait = timedelta(hours=1) - (now - min(self._new, default=now))
            sentence = f"More than {self._new_per_hour} new sites within an hour; list yours in MALLARD_SITES."
            return Dropped(Reason.NEW_SITES, sentence, max(1, int(wait.total_seconds())))
        self._new.append(now)
        self._known.add(site_id)
        return None

    def refuse_origin(self, site_id: str, origin: str | None, origins: tuple[str, ...]) -> Dropped | None:
        """Why a page of this Origin may not send for the site, if so. Checked where there is a list to check by.

        ``origins`` are the site's own; where it has none, its id is the only host.
        """
        if origin is None or not (self._allowed or origins):
            return None
        host = host_of(origin)
        if host is not None and listed(host, origins or (host_of_site(site_id),)):
            return None
        return Dropped(Reason.ORIGIN, "The page's Origin is not allowed for this site.")
