"""A site's settings: checked with a sentence for what is wrong, kept in the store, known to all in seconds."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mallard.errors import SettingsError, StoreUnavailableError
from mallard.sites.settings import Goal, SiteSettings, from_json, read_settings
from mallard.sites.settings_store import TTL_SECONDS, SiteSettingsStore, site_key
from mallard.store.base import Stored
from support.faults import FaultyStore
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
SITE = "example.com"
GOALS = [
    {"name": "Signup", "event": "signup", "props": {"plan": "pro"}},
    {"name": "Blog", "page": "/blog/**", "scroll_threshold": 50},
    {"name": "Purchase", "event": "purchase", "currency": "EUR"},
]


def test_site_without_settings_has_the_defaults() -> None:
    assert SiteSettingsStore(MemoryStore()).get(SITE).to_api(TODAY) == {
        "timezone": "UTC",
        "origins": [],
        "goals": [],
        "public": False,
    }


def test_change_stores_settings_that_get_returns() -> None:
    store = MemoryStore()
    given = {"timezone": "Europe/Berlin", "origins": ["*.Example.com"], "goals": GOALS, "public": True}
    SiteSettingsStore(store).change(SITE, given, NOW)
    found = SiteSettingsStore(store).get(SITE)
    tomorrow = TODAY + timedelta(days=1)
    assert found.to_api(tomorrow) == {**given, "origins": ["*.example.com"]}
    assert found.to_api(TODAY) == {**found.to_api(tomorrow), "timezone_from": tomorrow.isoformat()}
    assert found.zones.name_on(TODAY) == "UTC"
    assert from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.Faß.example", "*.xn--fa-hia.example"),
        ("https://example.com:8443/", "example.com"),
        (" www.example.com. ", "www.example.com"),
    ],
)
def test_origin_settings_are_normalised_to_hosts(given: str, host: str) -> None:
    assert read_settings({"origins": [given]}, SiteSettings(), TODAY).origins == (host,)


def test_goal_names_are_trimmed_and_compared_values_stay_as_written() -> None:
    given = {"goals": [{"name": " Cafe\u0301 ", "page": "/caf%C3%A9"}, {"name": "Sign", "event": "Signup "}]}
    assert read_settings(given, SiteSettings(), TODAY).goals == (
        Goal("Café", page="/caf%C3%A9"),
        Goal("Sign", event="Signup "),
    )


def test_stored_settings_with_goals_refused_today_can_be_read() -> None:
    goals = [{"name": "a", "event": "b"}, {"name": "a ", "event": "c"}]
    stored = {"timezones": [["0001-01-01", "UTC"]], "origins": [], "goals": goals, "public": False}
    assert [goal.name for goal in from_json(stored).goals] == ["a", "a "]


def test_time_zone_of_a_new_site_applies_from_its_first_day() -> None:
    site_settings = SiteSettingsStore(MemoryStore())
    for name in ("Europe/Berlin", "America/New_York"):
        settings = site_settings.change(SITE, {"timezone": name}, NOW, is_new=True)
        assert settings.zones.entries == ((date.min, name),)
        assert settings.to_api(TODAY)["timezone"] == name
        assert "timezone_from" not in settings.to_api(TODAY)
    assert site_settings.change(SITE, {"public": True}, NOW, is_new=True).zones == settings.zones
    later = site_settings.change(SITE, {"timezone": "Asia/Tokyo"}, NOW)
    assert later.zones.name_on(TODAY) == "America/New_York"


@pytest.mark.parametrize("key", ["salts/{}/2026-03-10.json", "events/{}/date=2026-03-10/00000.parquet", "rollups/{}/x"])
def test_day_has_begun_when_any_object_of_it_is_stored(key: str) -> None:
    store = MemoryStore()
    store.put_if_absent(key.format("site_id=a%3A80"), b"")
    site_settings = SiteSettingsStore(store)
    assert site_settings.has_begun("a:80")
    assert not any(site_settings.has_begun(each) for each in ("a", "a:8", "a:800", SITE))


def test_site_id_with_a_colon_has_a_portable_file_name() -> None:
    assert site_key("localhost:8080") == "config/sites/localhost%3A8080.json"


def test_shown_settings_can_be_sent_back() -> None:
    store = MemoryStore()
    shown = SiteSettingsStore(store).change(SITE, {"timezone": "Asia/Tokyo", "goals": GOALS}, NOW).to_api(TODAY)
    assert SiteSettingsStore(store).change(SITE, shown, NOW).to_api(TODAY) == shown


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "must be a JSON object"),
        ({"colour": 1}, "'colour' is no setting of a site; there are goals, origins, public, timezone."),
        ({"timezone": "Berlin"}, "timezone is 'Berlin', but must be a name of the tz database"),
        ({"timezone": None}, "timezone is None"),
        ({"public": "yes"}, "public is 'yes', but must be true or false."),
        ({"origins": "example.com"}, "origins must be a list"),
        ({"origins": ["https://exa mple.com"]}, "'https://exa mple.com' in origins must be a host"),
        ({"goals": [{"name": "a", "event": "b"}, {"name": " a", "event": "c"}]}, "Two goals are named 'a'"),
        ({"goals": [{"name": "é", "event": "b"}, {"name": "e\u0301", "event": "c"}]}, "Two goals are named 'é'"),
        ({"origins": ["a.example"] * 101}, "at most 100"),
        ({"goals": {}}, "goals must be a list"),
        ({"goals": [{"name": "a"}]}, "either an event or a page"),
        ({"goals": [{"name": "a", "event": "b", "page": "/"}]}, "either an event or a page"),
        ({"goals": [{"name": "a", "page": "blog"}]}, "must begin with /"),
        ({"goals": [{"name": "a", "event": "b", "scroll_threshold": 50}]}, "scroll_threshold of goal 'a'"),
        ({"goals": [{"name": "a", "page": "/", "scroll_threshold": 101}]}, "scroll_threshold of goal 'a'"),
        ({"goals": [{"name": "a", "event": "b", "currency": "eur"}]}, "currency of goal 'a'"),
        ({"goals": [{"name": "a", "event": "b", "props": {"x": 1}}]}, "props of goal 'a'"),
        ({"goals": [{"name": "a", "event": "b"}, {"name": "a", "event": "c"}]}, "Two goals are named 'a'"),
        ({"goals": [{"name": "a" * 257, "event": "b"}]}, "name of a goal is"),
        ({"goals": [{"name": "a", "event": "b", "url": "/"}]}, "A goal is an object with some of"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(SettingsError) as found:
        read_settings(given, SiteSettings(), TODAY)
    assert sentence in str(found.value)


def test_settings_are_known_to_other_instances_within_seconds() -> None:
    store, seconds = MemoryStore(), [0.0]
    here, elsewhere = SiteSettingsStore(store), SiteSettingsStore(store, clock=lambda: seconds[0])
    assert not elsewhere.get(SITE).public
    here.change(SITE, {"public": True}, NOW)
    assert here.get(SITE).public
    assert not elsewhere.get(SITE).public
    seconds[0] += TTL_SECONDS
    assert elsewhere.get(SITE).public


def test_settings_changed_concurrently_keep_both_changes() -> None:
    store = FaultyStore(MemoryStore())

    def meanwhile() -> None:
        SiteSettingsStore(store).change(SITE, {"timezone": "Asia/Tokyo"}, NOW)

    store.before_write.append(meanwhile)
    after = SiteSettingsStore(store).change(SITE, {"public": True}, NOW)
    assert after.public
    assert after.zones.name_on(TODAY + timedelta(days=1)) == "Asia/Tokyo"


def test_settings_fall_back_to_the_cached_ones_while_the_store_is_unavailable() -> None:
    class Away(MemoryStore):
        away = False

        def get(self, key: str) -> Any:
            if self.away:
                raise StoreUnavailableError("away")
            return super().get(key)

    store, seconds = Away(), [0.0]
    site_settings = SiteSettingsStore(store, clock=lambda: seconds[0])
    site_settings.change(SITE, {"public": True}, NOW)
    store.away = True
    seconds[0] += TTL_SECONDS
    assert site_settings.get(SITE).public
    with pytest.raises(StoreUnavailableError):
        site_settings.get("other.example")


def test_damaged_settings_raise() -> None:
    store = MemoryStore()
    store.put_if_absent(site_key(SITE), b"[]")
    with pytest.raises(StoreUnavailableError, match="does not hold what it should"):
        SiteSettingsStore(store).get(SITE)


def test_settings_store_knows_new_sites_here_at_once_and_elsewhere_in_seconds() -> None:
    store, seconds = MemoryStore(), 0.0
    here, elsewhere = SiteSettingsStore(store, clock=lambda: seconds), SiteSettingsStore(store, clock=lambda: seconds)
    assert not here.is_set_up(SITE)
    assert not elsewhere.is_set_up(SITE)
    here.change(SITE, {}, NOW)
    assert here.is_set_up(SITE)
    assert not elsewhere.is_set_up(SITE)
    seconds += TTL_SECONDS
    assert elsewhere.is_set_up(SITE)


def test_settings_store_without_listing_knows_sites_by_their_settings() -> None:
    store = MemoryStore()
    SiteSettingsStore(store).change(SITE, {}, NOW)
    site_settings = SiteSettingsStore(store, may_list=False)
    assert site_settings.is_set_up(SITE)
    assert not site_settings.is_set_up("other.example")


class SlowStore(MemoryStore):
    """A store whose next GET takes so long that ``meanwhile`` happens before its answer arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        while self.meanwhile:
            self.meanwhile.pop()()
        return found


def test_get_does_not_put_back_settings_that_a_change_replaced_while_it_read() -> None:
    store = SlowStore()
    site_settings = SiteSettingsStore(store, clock=lambda: 0.0)
    site_settings.change(SITE, {"public": True}, NOW)
    site_settings.forget(SITE)
    store.meanwhile.append(lambda: site_settings.change(SITE, {"public": False}, NOW))
    site_settings.get(SITE)
    assert not site_settings.get(SITE).public
    assert not site_settings.is_public(SITE)
