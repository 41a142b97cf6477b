"""Less is kept where the settings say so; a site's own zone, origins and rotation decide."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest

from ingest.contexts import ADDRESS, FIREFOX, NOW, SITE, open_context, refuse, take
from mallard.bootstrap.ingest import redaction_of
from mallard.config import load_settings
from mallard.event import EVENT_ID_EPOCH_MS, EVENT_ID_RANDOM_BITS, to_ms
from mallard.ingest.drop_reasons import DropReason
from mallard.privacy.redaction import KEEP_ALL, Redaction
from mallard.privacy.rotation import Rotation
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore

REFERRER = "https://news.example/path?q=secret#part"
GDPR = redaction_of(load_settings({"MALLARD_GDPR_MODE": "true"}))
PARTS = (
    "strip_referrer_query",
    "round_timestamps",
    "suppress_browser_version",
    "suppress_os_version",
    "suppress_screen_size",
)
DEFAULTS = {"strip_referrer_query", "mask_paths"}
OFF = {f"MALLARD_{each.upper()}": "false" for each in DEFAULTS}


def parts_of(privacy: Redaction) -> set[str]:
    return {name for name, is_set in asdict(privacy).items() if is_set is True}


def test_event_is_stored_in_full_without_redaction(store: LocalStore) -> None:
    event = take(open_context(store), referrer=REFERRER, width_px=800)
    assert event.referrer == "https://news.example/path?q=secret"
    assert event.timestamp == to_ms(NOW)
    assert None not in (event.browser_version, event.screen_size, event.visitor_id)


def test_gdpr_mode_enables_all_redactions_except_of_visitor_ids() -> None:
    assert parts_of(GDPR) == {*PARTS, "mask_paths"}


@pytest.mark.parametrize("part", [*PARTS, "suppress_visitor_id", "mask_paths"])
def test_each_part_can_be_set_alone(part: str) -> None:
    alone = redaction_of(load_settings({**OFF, f"MALLARD_{part.upper()}": "true"}))
    assert parts_of(alone) == {part}


def test_redaction_strips_referrers_and_masks_paths_by_default() -> None:
    assert parts_of(redaction_of(load_settings({}))) == DEFAULTS
    assert redaction_of(load_settings(OFF)) == KEEP_ALL


def test_gdpr_mode_keeps_less_of_an_event(store: LocalStore) -> None:
    event = take(open_context(store, privacy=GDPR), referrer=REFERRER, width_px=800)
    assert event.referrer == "https://news.example/path"
    assert (event.browser, event.browser_version, event.os_version, event.screen_size) == ("Firefox", None, None, None)
    assert event.device_type == "desktop"
    assert event.timestamp == to_ms(NOW.replace(minute=0, second=0, microsecond=0))
    assert event.visitor_id is not None


def test_gdpr_mode_does_not_leak_between_cached_events(store: LocalStore) -> None:
    for privacy, referrer in ((GDPR, "https://news.example/path"), (KEEP_ALL, "https://news.example/path?q=secret")):
        assert take(open_context(store, privacy=privacy), referrer=REFERRER).referrer == referrer


def test_event_id_hides_the_time_when_times_are_rounded(store: LocalStore) -> None:
    context = open_context(store, privacy=Redaction(round_timestamps=True))
    moments = [(take(context).event_id >> EVENT_ID_RANDOM_BITS) + EVENT_ID_EPOCH_MS for _ in range(20)]
    assert all(abs(moment - to_ms(NOW)) > 3_600_000 for moment in moments)
    assert len(set(moments)) == 20


def test_salts_are_not_created_when_visitor_ids_are_suppressed(store: LocalStore) -> None:
    event = take(open_context(store, privacy=Redaction(suppress_visitor_id=True)))
    assert (event.visitor_id, event.salt) == (None, None)
    assert list(store.list("salts/")) == []


# A site's own day


def test_event_date_follows_the_site_time_zone(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store)
    site_settings.change(SITE, {"timezone": "Asia/Tokyo"}, NOW - timedelta(days=3))
    context = open_context(store, site_settings=site_settings)
    assert take(context, now=datetime(2025, 6, 30, 14, 59, tzinfo=UTC)).date == "2025-06-30"
    late = take(context, now=datetime(2025, 6, 30, 15, 0, tzinfo=UTC))
    assert (late.date, late.salt) == ("2025-07-01", "2025-07-01")


def test_visitor_id_changes_at_the_midnight_of_the_site(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store)
    site_settings.change(SITE, {"timezone": "Asia/Tokyo"}, NOW - timedelta(days=3))
    context = open_context(store, site_settings=site_settings)
    before, same, after = (
        take(context, now=datetime(2025, 6, 30, hour, minute, tzinfo=UTC)).visitor_id
        for hour, minute in ((13, 0), (14, 59), (15, 0))
    )
    assert before == same != after


@pytest.mark.parametrize(("rotation", "same"), [("day", False), ("week", True), ("month", False)])
def test_visitor_id_lasts_for_a_longer_rotation(store: LocalStore, rotation: str, same: bool) -> None:
    # 30 June 2025 is a Monday, and the month's last day.
    days = Rotation(((date.min, rotation),))
    context = open_context(store, rotation=days)
    monday, tuesday = (take(context, now=NOW + timedelta(days=number)) for number in (0, 1))
    assert (monday.visitor_id == tuesday.visitor_id) == same
    assert monday.date != tuesday.date


def test_site_without_settings_has_utc_days(store: LocalStore) -> None:
    assert take(open_context(store, site_settings=SiteSettingsStore(store))).date == "2025-06-30"


# Origins


def test_origin_is_checked_when_a_site_has_origins(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store)
    site_settings.change(SITE, {"origins": ["shop.example", "*.example.net"]}, NOW)
    context = open_context(store, site_settings=site_settings)
    for origin in ("https://shop.example", "https://shop.example:8443", "http://a.b.example.net", None):
        take(context, origin=origin)
    for origin in (f"https://{SITE}", "https://example.net", "https://evilshop.example", "null", "https://[x"):
        assert refuse(context, origin=origin).reason is DropReason.ORIGIN
    take(context, site_id="other.example", url="/", origin="https://anything.example")


def test_empty_origins_allow_only_the_site_itself_with_a_site_list(store: LocalStore) -> None:
    context = open_context(store, sites=(SITE,), site_settings=SiteSettingsStore(store))
    take(context, origin=f"https://{SITE}")
    assert refuse(context, origin=f"https://www.{SITE}").reason is DropReason.ORIGIN


def test_event_fields_contain_neither_address_nor_agent(store: LocalStore) -> None:
    message = take(open_context(store)).to_message()
    assert ADDRESS.encode() not in message
    assert FIREFOX.encode() not in message
