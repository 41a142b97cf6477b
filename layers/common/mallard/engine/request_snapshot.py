"""One snapshot of queue and listing for all queries of an HTTP request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from mallard.table.reader import Days


@dataclass(frozen=True, slots=True)
class SiteListing:
    """A site's pending events, and then the segments of its dates from ``since`` on."""

    since: date
    pending: pa.Table
    days: Days


@dataclass(slots=True)
class RequestSnapshot:
    """The listings of one request, by site; ``since`` is the first date that it is known to need of each."""

    since: dict[str, date] = field(default_factory=dict)
    listings: dict[str, SiteListing] = field(default_factory=dict)

    def listing(self, site_id: str, since: date) -> SiteListing | None:
        """The one that was taken, where it goes back as far as ``since``."""
        found = self.listings.get(site_id)
        return found if found and found.since <= since else None

    def forget(self) -> None:
        """Let the next count list anew, as a file was replaced meanwhile."""
        self.listings.clear()


_CURRENT: ContextVar[RequestSnapshot | None] = ContextVar("mallard.query.request_snapshot", default=None)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Inside, all counts of a site see queue and table as they were at the first."""
    token = _CURRENT.set(RequestSnapshot())
    try:
        yield
    finally:
        _CURRENT.reset(token)


def request_snapshot() -> RequestSnapshot:
    """That of the current request, or one that nothing else uses."""
    return _CURRENT.get() or RequestSnapshot()


def needs_since(site_id: str, since: date) -> None:
    """Announce the first date that the current request will need, so that its first listing goes back as far."""
    known = request_snapshot().since
    known[site_id] = min(since, known.get(site_id, since))
