"""Checks of this machine for ``mallard doctor``: modes of files, room, memory, GeoIP."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mallard.bootstrap.place_lookup import open_geo
from mallard.config import Settings
from mallard.errors import ConfigError
from mallard.store.probe import Finding

LEAST_FREE_BYTES = 1_000_000_000
"""A disk that is full loses no event that was answered 202, but takes no more."""

LEAST_SCRATCH_BYTES = 200_000_000
"""Readers of a bucket hold its growing files there, some MB each, and a GeoIP database has 70 MB."""

MOST_OF_THE_MEMORY = 0.75
"""What the query engine may have of it: the rest is for everything else in the process, and for the machine."""

OLD_DATABASE = timedelta(days=180)

CONTROL_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""What a container may take, in bytes, or the word max."""


def check_machine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """All of it."""
    yield check_modes(Path(settings.data_dir))
    if settings.store and "://" not in settings.store:
        yield check_modes(Path(settings.store))
    yield check_room("disk room", Path(settings.data_dir), LEAST_FREE_BYTES, "MALLARD_DATA_DIR")
    yield check_room("scratch room", Path(tempfile.gettempdir()), LEAST_SCRATCH_BYTES, "TMPDIR")
    yield check_memory(settings.query_memory_mb * 1_000_000, memory_bytes())
    yield check_geoip(settings, now)


def check_room(name: str, folder: Path, least_bytes: int, variable: str) -> Finding:
    """Whether a folder can be written and its disk has room; ``variable`` is what names another one."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(name, False, f"{folder} cannot be written: {error.strerror}; {variable} names another folder.")
    if free < least_bytes:
        sentence = f"{folder} has {_mb(free)} free, but {_mb(least_bytes)} are needed; make room, or name another"
        return Finding(name, False, f"{sentence} folder in {variable}.")
    return Finding(name, True, f"{folder} has {_mb(free)} free.")


def check_modes(folder: Path) -> Finding:
    """True where other accounts of this machine can read what is kept in a folder: secrets, salts, queued events."""
    try:
        open_to_others = next((each for each in _kept_in(folder) if each.stat().st_mode & stat.S_IRWXO), None)
    except OSError as error:
        return Finding("file modes", False, f"{folder} cannot be looked at: {error.strerror}; see MALLARD_DATA_DIR.")
    # Behind a folder that is closed nothing can be reached, whatever its own mode.
    if open_to_others is None or not folder.stat().st_mode & stat.S_IRWXO:
        return Finding("file modes", True, f"Other accounts of this machine cannot read {folder}.")
    sentence = f"Other accounts of this machine can read {open_to_others}"
    return Finding("file modes", False, f"{sentence}; close the folder: chmod -R go= {folder}.")


def _kept_in(folder: Path) -> Iterator[Path]:
    yield folder
    for name in ("config", "salts", "queue"):
        yield from (folder / name).rglob("*")


def check_memory(wanted_bytes: int, there_bytes: int | None) -> Finding:
    """Whether the query engine may take no more than there is."""
    if there_bytes is None:
        return Finding("memory", True, f"A query may take {_mb(wanted_bytes)}; how much there is could not be told.")
    sentence = f"A query may take {_mb(wanted_bytes)} of {_mb(there_bytes)}"
    if wanted_bytes > MOST_OF_THE_MEMORY * there_bytes:
        most = int(MOST_OF_THE_MEMORY * there_bytes / 1_000_000)
        return Finding("memory", False, f"{sentence}; set MALLARD_QUERY_MEMORY_MB to {most} at most.")
    return Finding("memory", True, f"{sentence}.")


def memory_bytes(limit: Path = CONTROL_GROUP_LIMIT) -> int | None:
    """What this process may take: the container's limit, else the machine's; None where neither can be told."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
    try:
        return min(whole, int(limit.read_text()))
    except (OSError, ValueError):
        return whole


def check_geoip(settings: Settings, now: datetime) -> Finding:
    """Whether the database can be read, and is not too old."""
    location = settings.geoip_db
    if not location:
        return Finding("GeoIP", True, "There is no database: places come from a CDN in front, or stay unknown.")
    try:
        geo = open_geo(settings, in_background=False)
    except ConfigError as error:
        return Finding("GeoIP", False, f"{error} MALLARD_GEOIP_DB names the database.")
    if settings.geoip_precision != "none" and not geo.is_loaded:
        return Finding(
            "GeoIP", False, f"{location} cannot be read as a City or Country database; see MALLARD_GEOIP_DB."
        )
    age = None if location.startswith("s3://") else now - _built(Path(location))
    if age and age > OLD_DATABASE:
        return Finding("GeoIP", False, f"The database is {age.days} days old; put a new one in place of {location}.")
    return Finding("GeoIP", True, f"{location} can be read" + (f", and is {age.days} days old." if age else "."))


def _built(path: Path) -> datetime:
    # Imported here: who has no database does not pay for it.
    import maxminddb

    with maxminddb.open_database(path) as database:
        return datetime.fromtimestamp(database.metadata().build_epoch, UTC)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes // 1_000_000:,} MB"
