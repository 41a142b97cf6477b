"""Allow-list of sites, and the bound on new ones."""

from collections.abc import Callable, Iterable
from datetime import datetime

from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.enrich.page_url import host_of
from mallard.ingest.new_sites import LocalNewSites, NewSites

NEW_SITES_PER_HOUR = 100


def listed(host: str, patterns: Iterable[str]) -> bool:
    """True for a host that is one of the patterns, or below the domain of a ``*.domain``."""
    return any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in patterns)


def host_of_site(site_id: str) -> str:
    """The host that a site id is, without its port; an IPv6 address has none."""
    return site_id if site_id.count(":") > 1 else site_id.partition(":")[0]


class AllowedSites:
    """The allow-list, and the bound on new sites."""

    def __init__(
        self,
        allowed: tuple[str, ...],
        known: Iterable[str] = (),
        new_per_hour: int | None = NEW_SITES_PER_HOUR,
        *,
        new_sites: NewSites | None = None,
    ) -> None:
        """At most ``new_per_hour`` sites are taken beyond ``known`` ones and those listed in full (None: no bound).

        A pattern (``*.domain``) lists nothing in full: it has as many sites as anyone invents. ``new_sites`` is
        another bound than that of this process.
        """
        self._allowed = allowed
        self._in_full = frozenset(each for each in allowed if not each.startswith("*."))
        self._met = LocalNewSites(new_per_hour or 0, known)
        self._new_sites = None if new_per_hour is None else new_sites or self._met

    def excludes(self, site_id: str) -> bool:
        """True where there is an allow-list without the site: nothing need be read to refuse it."""
        return bool(self._allowed) and site_id not in self._in_full and not listed(site_id, self._allowed)

    def knows(self, site_id: str) -> bool:
        """True where it is listed in full, or is known: a refusal of it may be noted."""
        if site_id in self._in_full or self._met.knows(site_id):
            return True
        return self._new_sites is None and not self.excludes(site_id)

    def refuse_site(self, site_id: str, now: datetime, is_set_up: Callable[[str], bool]) -> Dropped | None:
        """The refusal of a site's events; None for an accepted site. Settings are read after this.

        ``is_set_up`` tells whether the site has settings, which makes it known. Raises StoreUnavailableError.
        """
        if self.excludes(site_id):
            return Dropped(DropReason.SITE, "This site is not on the server's list (MALLARD_SITES).")
        if self._new_sites is None or self.knows(site_id) or is_set_up(site_id):
            return None
        wait = self._new_sites.wait_seconds(site_id, now)
        if wait:
            most = self._new_sites.most
            sentence = f"More than {most} new sites within an hour; list yours in MALLARD_SITES, or set it up."
            return Dropped(DropReason.NEW_SITES, sentence, wait)
        self._met.add(site_id)
        return None

    def refuse_origin(self, site_id: str, origin: str | None, origins: tuple[str, ...]) -> Dropped | None:
        """The refusal of a page's Origin; None for an allowed one. Checked where there is a list to check by.

        ``origins`` are the site's own; where it has none, its id is the only host.
        """
        if origin is None or not (self._allowed or origins):
            return None
        host = host_of(origin)
        if host is not None and listed(host, origins or (host_of_site(site_id),)):
            return None
        return Dropped(DropReason.ORIGIN, "The page's Origin is not allowed for this site.")
