"""Keys of the table's objects, in Hive layout."""

import re
from dataclasses import dataclass
from datetime import date

from mallard.sites.site_id import folder_name, unescaped

EVENTS = "events/"
EXPORTS = "exports/"
"""Large downloads, deleted after an hour."""

DAMAGED = "damaged/"
"""Bytes of damaged files that a repair set aside: below it their own key and version."""

_SEGMENT = re.compile(r"events/site_id=([^/]+)/date=(\d{4}-\d{2}-\d{2})/(\d{5})(?:-[0-9a-f]{8})?\.parquet")
_BELOW = re.compile(r"events/site_id=([^/]+)/date=(\d{4}-\d{2}-\d{2})/")
_ASIDE = re.compile(rf"{DAMAGED}(events/site_id=[^/]+/date=[^/]+/\d{{5}}(?:-[0-9a-f]{{8}})?\.parquet)[./].*")


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One local date of one site, self-contained: no visitor, visit or funnel spans two."""

    site_id: str
    date: date

    @property
    def prefix(self) -> str:
        """The folder of its segments, with a slash at the end (else ``a`` would reach into ``ab``)."""
        return f"{site_prefix(self.site_id)}date={self.date.isoformat()}/"

    def segment(self, number: int) -> str:
        """The key of one numbered segment."""
        return f"{self.prefix}{number:05d}.parquet"

    def unique_segment(self, number: int, suffix: str) -> str:
        """The key of a segment that no other writer uses; ``suffix`` is 8 random hexadecimal digits."""
        return f"{self.prefix}{number:05d}-{suffix}.parquet"


def site_prefix(site_id: str) -> str:
    """The folder of a site's partitions; ``:`` is ``%3A``."""
    return f"{EVENTS}{folder_name(site_id)}/"


def site_in(folder: str) -> str | None:
    """The site whose partitions a folder holds (``site_prefix``), None for another folder."""
    name = folder.removeprefix(f"{EVENTS}site_id=").removesuffix("/")
    site_id = unescaped(name)
    return site_id if site_id and site_prefix(site_id) == folder else None


def parse_segment(key: str) -> tuple[Partition, int] | None:
    """Partition and number of a segment's key; None for other keys."""
    match = _SEGMENT.fullmatch(key)
    if match is None:
        return None
    try:
        return Partition(unescaped(match[1]), date.fromisoformat(match[2])), int(match[3])
    except ValueError:
        return None


def aside_key(key: str, version: str) -> str:
    """The key of a damaged object's copy; ``version`` is its ETag."""
    return f"{DAMAGED}{key}.{version}"


def parse_aside(key: str) -> Partition | None:
    """The partition of a segment that was set aside; None for other keys."""
    match = _ASIDE.fullmatch(key)
    segment = parse_segment(match[1]) if match else None
    return segment[0] if segment else None


def partition_in(key: str) -> Partition | None:
    """The partition whose folder contains a key, of a segment or not; None outside of all."""
    match = _BELOW.match(key)
    try:
        return Partition(unescaped(match[1]), date.fromisoformat(match[2])) if match else None
    except ValueError:
        return None


def date_in(path: str) -> date | None:
    """The date in the path of a segment, wherever its folder ``events/`` is; None without one."""
    segment = parse_segment(key_in(path))
    return segment[0].date if segment else None


def key_in(path: str) -> str:
    """The key of a segment in its path or address."""
    return EVENTS + path.rpartition(EVENTS)[2]
