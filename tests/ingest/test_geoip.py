"""Places: what a MaxMind database says of an address, how finely it is kept, and how a new file comes into use."""

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from mallard.bootstrap.place_lookup import RemoteGeoipSource, open_geo
from mallard.bootstrap.proxies import cdn_headers
from mallard.config import Settings
from mallard.ingest.enrich.geoip import NOWHERE, PLACES_BYTES, Geoip, LocalGeoipSource, Place, coarsened, make_place
from support.caches import cached_bytes
from support.moto import moto_server

LONDON, BERLIN, UNKNOWN = "203.0.113.7", "2001:db8:49::1", "198.51.100.1"

ENGLAND = {
    "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
    "subdivisions": [
        {"iso_code": "ENG", "names": {"en": "England", "de": "England"}},
        {"iso_code": "LND", "names": {"en": "London, City of"}},
    ],
    "city": {"names": {"en": "London"}},
}
GERMANY = {"country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}}}
FRANCE = {"country": {"iso_code": "FR", "names": {"en": "France"}}}

NETWORKS: dict[str, Any] = {"203.0.113.0/24": ENGLAND, "2001:db8:49::/48": GERMANY}
MOVED: dict[str, Any] = {"203.0.113.0/24": FRANCE}
"""The same address in another country, to tell a new file by."""


def write_database(path: Path, kind: str = "GeoLite2-City", networks: dict[str, Any] = NETWORKS) -> Path:
    """A database of the type, with London's and Berlin's networks unless others are given."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_database(tmp_path / "city.mmdb")


def open_at(path: Path, **given: Any) -> Geoip:
    return Geoip(LocalGeoipSource(path), in_background=False, **given)


# Looking up


def test_a_city_database_gives_country_largest_division_and_city(database: Path) -> None:
    assert open_at(database).find(LONDON) == Place("GB", "England", "London")


def test_a_record_without_divisions_gives_the_country(database: Path) -> None:
    assert open_at(database).find(BERLIN) == Place("DE")


@pytest.mark.parametrize("kind", ["GeoLite2-Country", "GeoIP2-Country", "DBIP-Country-Lite"])
def test_a_country_database_gives_countries(kind: str, tmp_path: Path) -> None:
    assert open_at(write_database(tmp_path / "db.mmdb", kind)).find(BERLIN) == Place("DE")


@pytest.mark.parametrize("address", [UNKNOWN, "10.0.0.1", "::1", "", "somewhere", "203.0.113", "999.1.1.1"])
def test_unknown_or_invalid_address_has_no_place(address: str, database: Path) -> None:
    assert open_at(database).find(address) == NOWHERE


def test_an_ipv4_address_within_ipv6_is_the_same_place(database: Path) -> None:
    assert open_at(database).find("::ffff:203.0.113.7") == Place("GB", "England", "London")


@pytest.mark.parametrize(
    ("precision", "place"),
    [
        ("city", Place("GB", "England", "London")),
        ("region", Place("GB", "England")),
        ("country", Place("GB")),
    ],
)
def test_place_is_never_finer_than_the_precision(precision: str, place: Place, database: Path) -> None:
    assert open_at(database, precision=precision).find(LONDON) == place


def test_place_database_is_not_opened_with_precision_none(database: Path) -> None:
    geo = open_at(database, precision="none")
    assert (geo.is_loaded, geo.find(LONDON)) == (False, None)
    assert coarsened(Place("GB", "England", "London"), "none") == NOWHERE


def test_the_cache_is_bounded_in_bytes(database: Path) -> None:
    geo = open_at(database)
    for number in range(30_000):
        geo.find(f"198.{number // 62_500}.{number // 250 % 250}.{number % 250}")
    assert PLACES_BYTES // 3 < cached_bytes(geo._find) <= PLACES_BYTES


def test_place_names_are_cleaned() -> None:
    assert make_place(" gb ", "Eng\x00land", " London ") == Place("GB", "England", "London")
    assert make_place("GB", "", "x" * 500) == Place("GB", None, "x" * 128)
    assert make_place("Germany", "Berlin", "Berlin") == make_place(None, None, None) == NOWHERE


# The file


def test_place_is_none_without_a_database() -> None:
    geo = Geoip()
    assert (geo.is_loaded, geo.find(LONDON)) == (False, None)


def later(geo: Geoip, clock: Clock, address: str) -> Place | None:
    """The place when the file has been looked at again."""
    clock.now += 10
    return geo.find(address)


def test_replaced_database_is_reloaded(database: Path, tmp_path: Path) -> None:
    clock = Clock()
    geo = open_at(database, clock=clock)
    assert geo.find(LONDON) == Place("GB", "England", "London")
    write_database(tmp_path / "new.mmdb", networks=MOVED).replace(database)
    clock.now += 9.9
    assert geo.find(LONDON) == Place("GB", "England", "London")
    assert later(geo, clock, LONDON) == Place("FR")


def test_place_lookup_survives_a_database_overwritten_in_place(database: Path, tmp_path: Path) -> None:
    clock = Clock()
    geo = open_at(database, clock=clock)
    new = write_database(tmp_path / "new.mmdb", networks=MOVED)
    with database.open("r+b") as file:
        # Under a memory map of this very file the next look-up would be the process's last.
        file.truncate(0)
        assert geo.find(LONDON) == Place("GB", "England", "London")
        assert geo.find(BERLIN) == Place("DE")
        file.write(new.read_bytes())
    assert later(geo, clock, LONDON) == Place("FR")


@pytest.mark.parametrize("broken", [b"", b"no database", b"\xab\xcd\xefMaxMind.com\xe0", b"\x00" * 4096])
def test_broken_database_is_logged_and_the_old_one_stays_in_use(
    broken: bytes, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    geo = open_at(database, clock=clock)
    database.write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        assert later(geo, clock, LONDON) == Place("GB", "England", "London")
    assert "cannot be used" in caplog.text
    assert LONDON not in caplog.text
    shutil.copy(write_database(database.with_name("new.mmdb")), database)
    assert later(geo, clock, BERLIN) == Place("DE")


def test_database_of_another_type_is_refused_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    geo = open_at(write_database(tmp_path / "asn.mmdb", "GeoLite2-ASN"))
    assert not geo.is_loaded
    assert "GeoLite2-ASN holds no countries" in caplog.text


def test_missing_database_is_loaded_when_it_appears(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, path = Clock(), tmp_path / "late.mmdb"
    geo = open_at(path, clock=clock)
    assert later(geo, clock, LONDON) is None
    assert later(geo, clock, LONDON) is None
    assert caplog.text.count("no GeoIP database yet") == 1
    write_database(path)
    assert later(geo, clock, LONDON) == Place("GB", "England", "London")


def test_deleted_database_leaves_the_last_one_in_use(database: Path) -> None:
    clock = Clock()
    geo = open_at(database, clock=clock)
    database.unlink()
    assert later(geo, clock, LONDON) == Place("GB", "England", "London")


def test_the_private_copy_leaves_no_file_behind(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    geo = open_at(database)
    database.write_bytes(b"broken")
    open_at(database)
    assert geo.find(LONDON) == Place("GB", "England", "London")
    assert list(scratch.iterdir()) == []


class SlowSource(LocalGeoipSource):
    """A copy that takes until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_go = threading.Event()
        self.copies = 0

    def copy_to(self, path: Path) -> None:
        self.copies += 1
        assert self.may_go.wait(60)
        super().copy_to(path)


def eventually(true: Callable[[], bool]) -> bool:
    waiting = threading.Event()
    return any(true() or waiting.wait(0.01) for _ in range(6000))


def test_new_database_is_loaded_in_the_background(database: Path) -> None:
    clock, source = Clock(), SlowSource(database)
    source.may_go.set()
    geo = Geoip(source, clock=clock)
    source.may_go.clear()
    write_database(database.with_name("new.mmdb"), networks=MOVED).replace(database)
    for _ in range(5):
        assert later(geo, clock, LONDON) == Place("GB", "England", "London")
    source.may_go.set()
    assert eventually(lambda: geo.find(LONDON) == Place("FR"))
    assert source.copies == 2


# Settings


def test_the_settings_name_a_file_and_a_precision(database: Path) -> None:
    geo = open_geo(Settings(geoip_db=str(database), geoip_precision="region"), in_background=False)
    assert geo.find(LONDON) == Place("GB", "England")


@pytest.mark.parametrize(("precision", "kept"), [("city", "country"), ("country", "country"), ("none", "none")])
def test_gdpr_mode_keeps_the_country_at_most(precision: str, kept: str) -> None:
    assert open_geo(Settings(gdpr_mode=True, geoip_precision=precision)).precision == kept


def test_the_settings_name_a_cdn_and_its_secret() -> None:
    edge = cdn_headers(Settings(edge_secret="s", edge_cdn="fastly"))
    assert (edge.secret, edge.cdn) == ("s", "fastly")


def test_database_in_a_bucket_is_loaded_and_reloaded(database: Path, tmp_path: Path) -> None:
    with moto_server() as endpoint:
        source = RemoteGeoipSource("s3://places/geo/city.mmdb", endpoint=endpoint, region="us-east-1")
        source._store._client.create_bucket(Bucket="places")
        clock = Clock()
        geo = Geoip(source, clock=clock, in_background=False)
        assert not geo.is_loaded
        source._store.put("city.mmdb", database.read_bytes())
        assert later(geo, clock, LONDON) == Place("GB", "England", "London")
        new = write_database(tmp_path / "new.mmdb", networks=MOVED)
        source._store.put("city.mmdb", new.read_bytes())
        assert later(geo, clock, LONDON) == Place("FR")
    assert later(geo, clock, LONDON) == Place("FR")
