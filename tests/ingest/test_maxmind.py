"""MaxMind's own test databases: real files of every type, and the broken ones."""

import pytest

from mallard.ingest.enrich.geoip import NOWHERE, Geoip, LocalGeoipSource, Place
from support.peers import maxmind_database

pytestmark = pytest.mark.heavy


def geo(name: str) -> Geoip:
    return Geoip(LocalGeoipSource(maxmind_database(name)), in_background=False)


@pytest.mark.parametrize("name", ["GeoIP2-City-Test", "GeoLite2-City-Test"])
def test_maxmind_city_database_gives_country_region_and_city(name: str) -> None:
    assert geo(name).find("2.125.160.216") == Place("GB", "England", "Boxford")
    assert geo(name).find("81.2.69.160") == Place("GB", "England", "London")
    assert geo(name).find("89.160.20.128") == Place("SE", "Östergötland County", "Linköping")
    assert geo(name).find("127.0.0.1") == NOWHERE


@pytest.mark.parametrize("name", ["GeoIP2-Country-Test", "GeoLite2-Country-Test", "GeoIP2-Enterprise-Test"])
def test_maxmind_country_or_enterprise_database_gives_countries(name: str) -> None:
    found = geo(name).find("2.125.160.216")
    assert found is not None
    assert found.country_code == "GB"


@pytest.mark.parametrize("name", ["GeoIP2-ISP-Test", "GeoLite2-ASN-Test", "GeoIP2-Anonymous-IP-Test"])
def test_a_database_without_places_is_refused(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not geo(name).is_loaded
    assert "holds no countries" in caplog.text


@pytest.mark.parametrize("name", ["GeoIP2-City-Test-Broken-Double-Format", "GeoIP2-City-Test-Invalid-Node-Count"])
def test_broken_maxmind_database_raises_no_error(name: str) -> None:
    opened = geo(name)
    for address in ("2.125.160.216", "81.2.69.160", "2001:220::1", "255.255.255.255"):
        assert isinstance(opened.find(address), Place | None)
