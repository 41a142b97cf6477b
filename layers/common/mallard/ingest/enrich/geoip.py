"""Country, region and city of an address, from a MaxMind database or the CDN.

The address is looked up and forgotten. The database is read through a private copy: a file that is overwritten in
place would take the ground from under a memory map, and the process with it.
"""

import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mallard.http.addresses import address_text
from mallard.normalize.hashed_cache import Cached, hashed_cache

if TYPE_CHECKING:
    from geoip2.database import Reader

CHECK_SECONDS = 10
PLACES_BYTES = 4 * 1024 * 1024
MAX_PLACE_LENGTH = 128

log = logging.getLogger("mallard.ingest")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NO_COUNTRIES = {"XX", "ZZ", "T1", "A1", "A2", "O1", "AP", "EU"}
"""Two letters that stand for unknown, Tor, proxies, satellites or half a continent, not for a country."""


@dataclass(frozen=True, slots=True)
class Place:
    """A country (ISO 3166-1 alpha-2, capitals), the English names of its region and city; None where unknown."""

    country_code: str | None = None
    region: str | None = None
    city: str | None = None


NOWHERE = Place()


def make_place(country_code: str | None, region: str | None, city: str | None) -> Place:
    """A place from words that may be anything: what is no country has no region and no city either."""
    code = (country_code or "").strip().upper()
    if not re.fullmatch(r"[A-Z]{2}", code) or code in _NO_COUNTRIES:
        return NOWHERE
    return Place(code, _neat(region), _neat(city))


def coarsened(place: Place, precision: str) -> Place:
    """No more than ``precision`` says: city, region, country or none."""
    if precision == "none":
        return NOWHERE
    if precision == "country":
        return replace(place, region=None, city=None)
    return replace(place, city=None) if precision == "region" else place


class GeoipSource(Protocol):
    """The origin of the database. Both methods may raise OSError."""

    def version(self) -> str | None:
        """A text that changes with the file; None without a file."""
        ...

    def copy_to(self, path: Path) -> None:
        """Write the whole file to ``path``."""
        ...


class LocalGeoipSource:
    """A file, known by its identity, size and time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def version(self) -> str | None:
        """By a look at the file."""
        try:
            result = self._path.stat()
        except FileNotFoundError:
            return None
        return f"{result.st_ino}-{result.st_size}-{result.st_mtime_ns}"

    def copy_to(self, path: Path) -> None:
        """A copy, by the kernel."""
        shutil.copyfile(self._path, path)


class Geoip:
    """A MaxMind City or Country database, reloaded when its file changes; without one every place is unknown."""

    def __init__(
        self,
        source: GeoipSource | None = None,
        *,
        precision: str = "city",
        check_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        in_background: bool = True,
    ) -> None:
        """``clock`` is seconds; ``in_background`` reads a new file on a thread, while the old one serves."""
        self.precision = precision
        self._source = source if precision != "none" else None
        self._check_seconds = check_seconds
        self._clock = clock
        self._in_background = in_background
        self._version: str | None = None
        self._find: Cached[[str], Place] | None = None
        self._loading = threading.Lock()
        self._checked = clock()
        self._refresh()

    @property
    def is_loaded(self) -> bool:
        """True where a database is open."""
        return self._find is not None

    def find(self, address: str) -> Place | None:
        """The place of an address, no finer than the precision; None where there is no database."""
        if self._source is not None and self._clock() - self._checked >= self._check_seconds:
            self._checked = self._clock()
            if self._in_background:
                threading.Thread(target=self._refresh, name="mallard-geo", daemon=True).start()
            else:
                self._refresh()
        return self._find(address) if self._find else None

    def _refresh(self) -> None:
        """Read the file if it is another than before. An unreadable file is logged, and the old one stays."""
        if self._source is None or not self._loading.acquire(blocking=False):
            return
        try:
            version = self._source.version()
            if version is None and self._find is None and self._version is None:
                log.warning("there is no GeoIP database yet; places stay unknown until it is there")
                self._version = ""
            if version is not None and version != self._version:
                self._find, self._version = _finder(_open(self._source), self.precision), version
                log.info("GeoIP database read")
        except (OSError, ValueError) as error:
            log.warning("the GeoIP database cannot be used: %s", error)
        finally:
            self._loading.release()


def _open(source: GeoipSource) -> "Reader":
    """A reader over a private copy, which cannot change. Raises OSError, or ValueError where it is no database."""
    # Imported here, so that a server without a database skips it.
    from geoip2.database import Reader
    from maxminddb import InvalidDatabaseError

    handle, name = tempfile.mkstemp(suffix=".mmdb", prefix="mallard-")
    os.close(handle)
    try:
        source.copy_to(Path(name))
        reader = Reader(name)
    except (InvalidDatabaseError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no MaxMind database ({error})") from error
    finally:
        # The map outlives the name: nothing is left behind, however the process ends.
        Path(name).unlink()
    if _lookup(reader) is None:
        raise ValueError(f"{reader.metadata().database_type} holds no countries; a City or Country database does")
    return reader


def _lookup(reader: "Reader") -> Callable[[str], Any] | None:
    """The reader's method for its type: ``country()`` of a City database is a TypeError."""
    kind = reader.metadata().database_type
    for word, method in (("City", reader.city), ("Enterprise", reader.enterprise), ("Country", reader.country)):
        if word in kind:
            return method
    return None


def _finder(reader: "Reader", precision: str) -> Cached[[str], Place]:
    """A cached lookup over one reader: a new reader brings a new, empty cache."""
    lookup = _lookup(reader)
    assert lookup is not None

    @hashed_cache(most_bytes=PLACES_BYTES)
    def find(address: str) -> Place:
        return coarsened(_read(lookup, address), precision)

    return find


def _read(lookup: Callable[[str], Any], address: str) -> Place:
    from geoip2.errors import AddressNotFoundError
    from maxminddb import InvalidDatabaseError

    try:
        result = lookup(address_text(address) or "")
    except (AddressNotFoundError, ValueError, InvalidDatabaseError):
        return NOWHERE
    subdivisions = getattr(result, "subdivisions", None)
    city = getattr(result, "city", None)
    # The first subdivision is the largest: England, not a county.
    return make_place(
        result.country.iso_code, subdivisions[0].name if subdivisions else None, city.name if city else None
    )


def _neat(name: str | None) -> str | None:
    return _CONTROL.sub("", name or "").strip()[:MAX_PLACE_LENGTH] or None
