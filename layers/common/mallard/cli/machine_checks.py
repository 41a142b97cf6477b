"""Checks of the machine for ``mallard doctor``: file modes, disk space, memory, GeoIP."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mallard.bootstrap.place_lookup import open_geo
from mallard.config import Settings
from mallard.engine.duckdb.database import ANONYMOUS_LEAST_MB, ANONYMOUS_SHARE, anonymous_mb
from mallard.errors import ConfigError
from mallard.store.probe import Finding

LEAST_FREE_BYTES = 1_000_000_000
"""A full disk loses no accepted event, but further events are rejected."""

LEAST_SCRATCH_BYTES = 200_000_000
"""For copies of a bucket's tails, some MB each, and a GeoIP database of 70 MB."""

MAX_MEMORY_SHARE = 0.75
"""Highest share for the query engine: the rest is for other parts of the process and for the system."""

LEAST_QUERY_MB = 128
"""Least value of MALLARD_QUERY_MEMORY_MB."""

OLD_DATABASE = timedelta(days=180)

CONTROL_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Memory limit of a container in bytes, or the word max."""


def check_machine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Findings on file modes, disk space, memory and GeoIP."""
    yield check_modes(Path(settings.data_dir))
    if settings.store and "://" not in settings.store:
        yield check_modes(Path(settings.store))
    yield check_room("disk room", Path(settings.data_dir), LEAST_FREE_BYTES, "MALLARD_DATA_DIR")
    yield check_room("scratch room", Path(tempfile.gettempdir()), LEAST_SCRATCH_BYTES, "TMPDIR")
    yield check_memory(settings.query_memory_mb, memory_bytes())
    yield check_geoip(settings, now)


def check_room(name: str, folder: Path, least_bytes: int, variable: str) -> Finding:
    """Check that a folder is writable with enough free space; ``variable`` sets another folder."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(name, False, f"{folder} is not writable: {error.strerror}; set another folder in {variable}.")
    if free < least_bytes:
        sentence = f"{folder} has {_mb(free)} free, but {_mb(least_bytes)} are needed; free some space, or set another"
        return Finding(name, False, f"{sentence} folder in {variable}.")
    return Finding(name, True, f"{folder} has {_mb(free)} free.")


def check_modes(folder: Path) -> Finding:
    """Check that other accounts cannot read a folder's secrets, salts and queued events."""
    try:
        open_to_others = next((each for each in _sensitive_paths(folder) if each.stat().st_mode & stat.S_IRWXO), None)
    except OSError as error:
        return Finding("file modes", False, f"{folder} cannot be read: {error.strerror}; see MALLARD_DATA_DIR.")
    # In a folder without access for others no file can be reached, whatever its mode.
    if open_to_others is None or not folder.stat().st_mode & stat.S_IRWXO:
        return Finding("file modes", True, f"Other accounts of this machine cannot read {folder}.")
    sentence = f"Other accounts of this machine can read {open_to_others}"
    return Finding("file modes", False, f"{sentence}; remove their access: chmod -R go= {folder}.")


def _sensitive_paths(folder: Path) -> Iterator[Path]:
    yield folder
    for name in ("config", "salts", "queue"):
        yield from (folder / name).rglob("*")


def check_memory(query_mb: int, available_bytes: int | None) -> Finding:
    """Check the memory limits of the query engine, for the owner's and for anonymous queries, against the available."""
    wanted_bytes = (query_mb + anonymous_mb(query_mb)) * 1_000_000
    if available_bytes is None:
        return Finding("memory", True, f"Queries may use {_mb(wanted_bytes)}; the available memory is unknown.")
    sentence = f"Queries may use {_mb(wanted_bytes)} of {_mb(available_bytes)}"
    if wanted_bytes > MAX_MEMORY_SHARE * available_bytes:
        most = _largest_query_mb(int(MAX_MEMORY_SHARE * available_bytes / 1_000_000))
        remedy = f"set MALLARD_QUERY_MEMORY_MB to {most} at most" if most >= LEAST_QUERY_MB else "more memory is needed"
        return Finding("memory", False, f"{sentence}; {remedy}.")
    return Finding("memory", True, f"{sentence}.")


def _largest_query_mb(most_mb: int) -> int:
    """The largest setting that, with its share for anonymous queries, stays within ``most_mb``."""
    with_share = most_mb * ANONYMOUS_SHARE // (ANONYMOUS_SHARE + 1)
    return min(with_share, most_mb - ANONYMOUS_LEAST_MB)


def memory_bytes(limit: Path = CONTROL_GROUP_LIMIT) -> int | None:
    """Memory available to this process, by the container's limit or the machine; None where unknown."""
    try:
        machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
    try:
        return min(machine_bytes, int(limit.read_text()))
    except (OSError, ValueError):
        return machine_bytes


def check_geoip(settings: Settings, now: datetime) -> Finding:
    """Check that the database is readable and recent."""
    location = settings.geoip_db
    if not location:
        return Finding("GeoIP", True, "No database is set: places come from a CDN's headers, or stay unknown.")
    try:
        lookup = open_geo(settings, in_background=False)
    except ConfigError as error:
        return Finding("GeoIP", False, f"{error} See MALLARD_GEOIP_DB.")
    if settings.geoip_precision != "none" and not lookup.is_loaded:
        return Finding(
            "GeoIP", False, f"{location} cannot be read as a City or Country database; see MALLARD_GEOIP_DB."
        )
    age = None if location.startswith("s3://") else now - _built(Path(location))
    if age and age > OLD_DATABASE:
        return Finding("GeoIP", False, f"The database is {age.days} days old; replace {location} by a current one.")
    return Finding("GeoIP", True, f"{location} can be read" + (f", and is {age.days} days old." if age else "."))


def _built(path: Path) -> datetime:
    # Imported here, for installations with a database only.
    import maxminddb

    with maxminddb.open_database(path) as database:
        return datetime.fromtimestamp(database.metadata().build_epoch, UTC)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes // 1_000_000:,} MB"
