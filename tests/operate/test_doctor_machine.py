"""What the doctor says of this machine and of who gets in: each finding that is wrong says what to do."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from mallard.auth.admin_password import AdminPassword
from mallard.cli.access_checks import check_access, check_password, check_secret
from mallard.cli.machine_checks import OLD_DATABASE, check_geoip, check_memory, check_room, memory_bytes
from mallard.config import Settings, load_settings
from mallard.errors import ConfigError, StoreUnavailableError
from mallard.store.base import Stored
from mallard.store.probe import Finding
from support.auth import quick_hashing
from support.memory import MemoryStore

MB = 1_000_000
LONG_SECRET = "0123456789abcdef"


class Versioned(MemoryStore):
    """A bucket with versioning."""

    def keeps_versions(self) -> bool:
        return True


class Away(MemoryStore):
    """A bucket that does not answer."""

    def get(self, key: str) -> Stored | None:
        raise StoreUnavailableError("The bucket does not answer.")


def test_doctor_passes_a_folder_with_room(tmp_path: Path) -> None:
    assert check_room("disk room", tmp_path, 1, "MALLARD_DATA_DIR").ok


def test_doctor_names_folder_required_space_and_setting_for_a_full_disk(tmp_path: Path) -> None:
    more_than_there_is = 2 * shutil.disk_usage(tmp_path).total
    found = check_room("disk room", tmp_path, more_than_there_is, "MALLARD_DATA_DIR")
    assert not found.ok
    assert str(tmp_path) in found.sentence
    assert f"{more_than_there_is // MB:,} MB are needed" in found.sentence
    assert "MALLARD_DATA_DIR" in found.sentence


def test_doctor_fails_for_a_missing_folder(tmp_path: Path) -> None:
    found = check_room("scratch room", tmp_path / "absent", 1, "TMPDIR")
    assert (found.ok, "is not writable: No such file or directory; set another folder in TMPDIR" in found.sentence) == (
        False,
        True,
    )


@pytest.mark.parametrize(("there_mb", "ok"), [(None, True), (4000, True), (854, True), (853, False), (600, False)])
def test_doctor_requires_query_memory_below_the_machine_memory(there_mb: int | None, ok: bool) -> None:
    """Of 512 MB, and a quarter more for anonymous queries, as the engine has it."""
    found = check_memory(512, there_mb and there_mb * MB)
    assert found.ok is ok
    assert "Queries may use 640 MB" in found.sentence


@pytest.mark.parametrize(("there_mb", "most_mb"), [(4000, 2400), (853, 511), (600, 322), (342, 128)])
def test_doctor_names_the_largest_query_memory(there_mb: int, most_mb: int) -> None:
    found = check_memory(100_000, there_mb * MB)
    assert found.sentence.endswith(f"set MALLARD_QUERY_MEMORY_MB to {most_mb} at most.")
    assert check_memory(most_mb, there_mb * MB).ok
    assert not check_memory(most_mb + 1, there_mb * MB).ok


def test_doctor_names_no_query_memory_below_the_least_setting() -> None:
    found = check_memory(128, 300 * MB)
    assert found.sentence == "Queries may use 256 MB of 300 MB; more memory is needed."
    with pytest.raises(ConfigError):
        load_settings(environ={"MALLARD_QUERY_MEMORY_MB": "127"})


@pytest.mark.parametrize("text", ["268435456\n", "max\n", None])
def test_memory_limit_of_a_container_is_respected(tmp_path: Path, text: str | None) -> None:
    limit = tmp_path / "memory.max"
    if text:
        limit.write_text(text)
    whole = memory_bytes(tmp_path / "absent")
    assert whole is not None
    assert memory_bytes(limit) == (268_435_456 if text and text[0] == "2" else whole)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "DE"}})
    writer.to_db_file(str(tmp_path / "city.mmdb"))
    return tmp_path / "city.mmdb"


def test_geoip_database_passes_until_it_is_old(database: Path) -> None:
    settings, now = Settings(geoip_db=str(database)), datetime.now(UTC)
    found = check_geoip(settings, now)
    assert (found.ok, found.sentence) == (True, f"{database} can be read, and is 0 days old.")
    old = check_geoip(settings, now + OLD_DATABASE + timedelta(days=1))
    assert (old.ok, f"replace {database} by a current one" in old.sentence) == (False, True)


def test_geoip_check_passes_without_a_database_and_fails_for_a_missing_one(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert check_geoip(Settings(), now).ok
    for content in (None, b"no database"):
        file = tmp_path / "city.mmdb"
        if content:
            file.write_bytes(content)
        found = check_geoip(Settings(geoip_db=str(file)), now)
        assert (found.ok, "MALLARD_GEOIP_DB" in found.sentence) == (False, True)


def with_password() -> MemoryStore:
    store = MemoryStore()
    AdminPassword(store, hashing=quick_hashing()).set_first("kettle-moss-17", datetime.now(UTC))
    return store


PASSWORDS: list[tuple[Callable[[], MemoryStore], Settings, bool, str]] = [
    (MemoryStore, Settings(), True, "set at the first visit"),
    (MemoryStore, Settings(host="0.0.0.0"), False, "or run `mallard password`"),
    (with_password, Settings(host="0.0.0.0"), True, "A password is set"),
    (MemoryStore, Settings(host="0.0.0.0", admin_password="kettle-moss-17"), True, "MALLARD_ADMIN_PASSWORD is set"),
    (MemoryStore, Settings(admin_password="password"), False, "MALLARD_ADMIN_PASSWORD: "),
    (MemoryStore, Settings(auth="off"), True, "all users of this machine"),
    (MemoryStore, Settings(auth="off", host="0.0.0.0"), False, "lets all clients read, change and erase"),
]


@pytest.mark.parametrize(("store", "settings", "ok", "words"), PASSWORDS)
def test_doctor_advises_when_the_server_is_open(
    store: Callable[[], MemoryStore], settings: Settings, ok: bool, words: str
) -> None:
    found = check_password(settings, store())
    assert (found.ok, words in found.sentence) == (ok, True), found


@pytest.mark.parametrize(
    ("store", "secret", "ok", "words"),
    [
        (MemoryStore(), "", True, "MALLARD_SECRET would separate it"),
        (MemoryStore(), LONG_SECRET, True, "not in the store"),
        (MemoryStore(), "short", False, "use a longer one"),
        (Versioned(), "", False, "set MALLARD_SECRET"),
        (Versioned(), LONG_SECRET, True, "not in the store"),
    ],
)
def test_doctor_checks_that_the_secret_is_outside_the_store(
    store: MemoryStore, secret: str, ok: bool, words: str
) -> None:
    found = check_secret(Settings(secret=secret), store)
    assert (found.ok, words in found.sentence) == (ok, True), found
    assert not secret or secret not in found.sentence


def test_doctor_reports_an_unavailable_store() -> None:
    (found,) = check_access(Settings(), Away())
    assert isinstance(found, Finding)
    assert (found.name, found.ok) == ("password", False)
