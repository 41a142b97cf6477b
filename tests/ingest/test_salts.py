"""Salts: agreed on through the store, made for two days only, gone two hours after their rotation."""

import hashlib
import hmac
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.contexts import ADDRESS, FIREFOX, NOW, SECRET, SITE, BrokenStore
from mallard.errors import StoreUnavailableError
from mallard.privacy.rotation import Rotation, agreed_rotation, last_date, outlives_its_day
from mallard.privacy.salts import SALT_BYTES, SECRET_KEY, Salt, Salts, delete_old_salts, salt_key, shared_secret
from mallard.privacy.visitor_id import visitor_id
from mallard.sites.settings_store import SiteSettingsStore, site_key
from mallard.sites.time_zone import SiteZones
from mallard.store.local import LocalStore

UTC_DAYS = SiteZones()
BERLIN = SiteZones(((date.min, "Europe/Berlin"),))
TODAY = NOW.date()
TOMORROW = TODAY + timedelta(days=1)
YESTERDAY = TODAY - timedelta(days=1)


def key_of(salts: Salts, site_id: str = SITE, day: date = TODAY, now: datetime = NOW) -> bytes:
    salt = salts.find(site_id, UTC_DAYS, day, now)
    assert salt is not None
    return salt.key


def salt_files(store: LocalStore) -> list[str]:
    return [row.key for row in store.list("salts/")]


# Agreement


def test_salt_is_shared_by_two_processes_over_one_store(store: LocalStore) -> None:
    assert key_of(Salts(store, SECRET)) == key_of(Salts(store, SECRET))
    assert salt_files(store) == [salt_key(SITE, TODAY.isoformat())]


def test_salt_created_concurrently_is_shared_by_both_processes(store: LocalStore) -> None:
    other = Salts(store, SECRET)
    keys: list[bytes] = []

    def overtaken(size: int) -> bytes:
        keys.append(key_of(other))
        return b"\x01" * size

    slow = key_of(Salts(store, SECRET, random_bytes=overtaken))
    assert keys == [slow]


def test_salt_key_survives_a_restart(store: LocalStore) -> None:
    before = key_of(Salts(store, SECRET))
    assert key_of(Salts(LocalStore(store.root), SECRET), now=NOW + timedelta(hours=11)) == before


def test_a_salt_is_32_random_bytes(store: LocalStore) -> None:
    key_of(Salts(store, SECRET))
    stored = store.get(salt_key(SITE, TODAY.isoformat()))
    assert stored is not None
    assert len(bytes.fromhex(json.loads(stored.data)["salt"])) == SALT_BYTES == 32


def test_salt_key_is_the_hmac_of_secret_and_salt(store: LocalStore) -> None:
    salt = bytes(range(32))
    assert key_of(Salts(store, SECRET, random_bytes=lambda size: salt)) == hmac.digest(SECRET, salt, hashlib.sha256)


def test_salts_differ_by_site_and_day(store: LocalStore) -> None:
    salts = Salts(store, SECRET)
    keys = {key_of(salts, site_id, day) for site_id in (SITE, "example.org") for day in (TODAY, TOMORROW)}
    assert len(keys) == 4


def test_visitor_ids_depend_on_the_secret(store: LocalStore) -> None:
    ids = {visitor_id(Salt("", key_of(Salts(store, secret))), ADDRESS, FIREFOX) for secret in (SECRET, b"another")}
    assert len(ids) == 2
    assert len(salt_files(store)) == 1


def test_a_colon_in_a_site_id_is_escaped_in_the_salt_s_key() -> None:
    assert salt_key("localhost:8080", "2025-01-02") == "salts/site_id=localhost%3A8080/2025-01-02.json"


# Today and tomorrow only


@pytest.mark.parametrize("days", [-365, -2, -1, 2, 3, 365])
def test_salts_are_created_for_today_and_tomorrow_only(days: int, store: LocalStore) -> None:
    assert Salts(store, SECRET).find(SITE, UTC_DAYS, TODAY + timedelta(days=days), NOW) is None
    assert salt_files(store) == []


def test_salt_of_a_past_day_is_available_for_two_hours(store: LocalStore) -> None:
    salts = Salts(store, SECRET)
    key = key_of(salts)
    for asked in (salts, Salts(store, SECRET)):
        assert key_of(asked, now=datetime(2025, 7, 1, 1, 59, tzinfo=UTC)) == key
        assert asked.find(SITE, UTC_DAYS, TODAY, datetime(2025, 7, 1, 2, 0, tzinfo=UTC)) is None


def test_deleted_salt_is_not_recreated(store: LocalStore) -> None:
    salts = Salts(store, SECRET)
    key_of(salts)
    later = NOW + timedelta(days=2)
    delete_old_salts(store, SiteSettingsStore(store), later)
    assert salts.find(SITE, UTC_DAYS, TODAY, later) is None
    soon = datetime(2025, 7, 1, 1, 0, tzinfo=UTC)
    assert Salts(store, SECRET).find(SITE, UTC_DAYS, TODAY, soon) is None
    assert salt_files(store) == []


def test_salt_key_stays_in_memory_until_the_end_of_its_date(store: LocalStore) -> None:
    salts = Salts(store, SECRET)
    assert not salts.holds(SITE, TODAY)
    key_of(salts)
    key_of(salts, day=TOMORROW)
    assert salts.holds(SITE, TODAY)
    assert not salts.holds("example.org", TODAY)
    later = NOW + timedelta(days=2)
    key_of(salts, day=later.date(), now=later)
    assert not salts.holds(SITE, TODAY)
    assert salts.holds(SITE, TOMORROW)


def test_salt_keys_leave_memory_after_a_clock_that_was_ahead(store: LocalStore) -> None:
    salts, ahead, later = Salts(store, SECRET), NOW + timedelta(days=30), NOW + timedelta(days=2)
    key_of(salts, day=ahead.date(), now=ahead)
    key_of(salts)
    key_of(salts, day=later.date(), now=later)
    assert not salts.holds(SITE, TODAY)


def test_salt_key_in_memory_needs_no_store(store: LocalStore) -> None:
    salts = Salts(store, SECRET)
    first = key_of(salts)
    store.delete(salt_key(SITE, TODAY.isoformat()))
    assert key_of(salts) == first


# Faults


def test_salts_raise_and_create_no_local_salt_when_the_store_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError):
        Salts(BrokenStore(), SECRET).find(SITE, UTC_DAYS, TODAY, NOW)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"salt":1}', b'{"salt":"xyz"}', b"\xff"])
def test_damaged_salt_raises_an_error_naming_it(content: bytes, store: LocalStore) -> None:
    store.put_if_absent(salt_key(SITE, TODAY.isoformat()), content)
    with pytest.raises(StoreUnavailableError, match=r"2025-06-30\.json does not hold what it should"):
        Salts(store, SECRET).find(SITE, UTC_DAYS, TODAY, NOW)


# The secret


def test_a_configured_secret_is_used_and_not_stored(store: LocalStore) -> None:
    assert shared_secret(store, "from the settings") == b"from the settings"
    assert list(store.list("")) == []


def test_secret_is_created_once_for_all_processes_when_none_is_configured(store: LocalStore) -> None:
    first = shared_secret(store, "")
    assert len(first) == 32
    assert shared_secret(LocalStore(store.root), "") == first
    assert [row.key for row in store.list("")] == [SECRET_KEY]


# Deletion


def test_salt_is_deleted_two_hours_after_its_day(store: LocalStore) -> None:
    key_of(Salts(store, SECRET))
    end = datetime(2025, 7, 1, tzinfo=UTC)
    for moment in (NOW, end, end + timedelta(hours=2)):
        assert delete_old_salts(store, SiteSettingsStore(store), moment) == 0
        assert salt_files(store) == [salt_key(SITE, TODAY.isoformat())]
    assert delete_old_salts(store, SiteSettingsStore(store), end + timedelta(hours=2, milliseconds=1)) == 1
    assert salt_files(store) == []


def test_salt_deletion_removes_old_salts_of_every_site_only(store: LocalStore) -> None:
    for site_id in (SITE, "localhost:8080", "example.org"):
        for day in (YESTERDAY - timedelta(days=30), YESTERDAY, TODAY, TOMORROW):
            store.put_if_absent(salt_key(site_id, day.isoformat()), b"{}")
    assert delete_old_salts(store, SiteSettingsStore(store), NOW) == 6
    assert len(salt_files(store)) == 6
    assert delete_old_salts(store, SiteSettingsStore(store), NOW) == 0


def test_salt_deletion_leaves_other_objects_alone(store: LocalStore) -> None:
    others = ["config/secret.json", "events/2020-01-01.json", "salts/notes.txt", "salts/site_id=a/2020-13-45.json"]
    for key in others:
        store.put_if_absent(key, b"{}")
    assert delete_old_salts(store, SiteSettingsStore(store), NOW) == 0
    assert sorted(row.key for row in store.list("")) == others


def test_salt_is_deleted_two_hours_after_its_local_day(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store)
    site_settings.change(SITE, {"timezone": "America/Los_Angeles"}, NOW - timedelta(days=3))
    store.put_if_absent(salt_key(SITE, TODAY.isoformat()), b"{}")
    midnight = datetime(2025, 7, 1, 7, tzinfo=UTC)
    assert delete_old_salts(store, site_settings, midnight + timedelta(hours=2)) == 0
    assert delete_old_salts(store, site_settings, midnight + timedelta(hours=2, seconds=1)) == 1


def test_salt_of_a_site_with_unreadable_settings_is_deleted_eventually(store: LocalStore) -> None:
    store.put_if_absent(site_key(SITE), b"damaged")
    for site_id in (SITE, "other.example"):
        store.put_if_absent(salt_key(site_id, YESTERDAY.isoformat()), b"{}")
    last = datetime(2025, 6, 30, 12, tzinfo=UTC) + timedelta(hours=2)
    assert delete_old_salts(store, SiteSettingsStore(store), last) == 1
    assert delete_old_salts(store, SiteSettingsStore(store), last + timedelta(seconds=1)) == 1


# Zones and rotations


def test_salt_day_follows_the_site_time_zone(store: LocalStore) -> None:
    salts = Salts(store, SECRET)
    late = datetime(2025, 6, 30, 22, 30, tzinfo=UTC)
    assert BERLIN.local_date(late) == TOMORROW
    salt = salts.find(SITE, BERLIN, TOMORROW, late)
    assert salt is not None
    assert salt.name == TOMORROW.isoformat()


@pytest.mark.parametrize(
    ("rotation", "first", "last", "name"),
    [
        ("day", date(2025, 6, 30), date(2025, 6, 30), "2025-06-30"),
        ("week", date(2025, 6, 30), date(2025, 7, 6), "2025-07-06.week"),
        ("month", date(2025, 6, 1), date(2025, 6, 30), "2025-06-30.month"),
    ],
)
def test_rotation_has_one_salt_named_by_its_last_day(
    store: LocalStore, rotation: str, first: date, last: date, name: str
) -> None:
    days = Rotation(((date.min, rotation),))
    assert {days.salt_name(first), days.salt_name(last)} == {name}
    assert days.salt_name(first - timedelta(days=1)) != name != days.salt_name(last + timedelta(days=1))
    assert outlives_its_day(name) == (rotation != "day")
    salts = Salts(store, SECRET, days)
    keys = {key_of(salts, day=day, now=datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) for day in (first, last)}
    assert len(keys) == 1
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1, hours=2)
    assert delete_old_salts(store, SiteSettingsStore(store), end) == 0
    assert delete_old_salts(store, SiteSettingsStore(store), end + timedelta(seconds=1)) == 1


def test_salt_of_a_week_can_be_created_in_the_middle_of_it(store: LocalStore) -> None:
    salts = Salts(store, SECRET, Rotation(((date.min, "week"),)))
    wednesday = date(2025, 7, 2)
    yesterday = wednesday - timedelta(days=1)
    now = datetime(2025, 7, 2, 12, tzinfo=UTC)
    assert key_of(salts, day=yesterday, now=now) == key_of(salts, day=wednesday, now=now)


def test_rotation_setting_applies_to_a_new_store_at_once(store: LocalStore) -> None:
    assert agreed_rotation(store, "week", NOW) == Rotation(((date.min, "week"),))
    assert agreed_rotation(store, "week", NOW + timedelta(days=9)) == Rotation(((date.min, "week"),))


def test_default_rotation_writes_no_record(store: LocalStore) -> None:
    assert agreed_rotation(store, "day", NOW) == Rotation()
    assert list(store.list("")) == []


def test_rotation_change_applies_from_a_day_not_begun_in_any_zone(store: LocalStore) -> None:
    key_of(Salts(store, SECRET))
    changed = agreed_rotation(store, "month", NOW)
    assert changed.entries == ((date.min, "day"), (TODAY + timedelta(days=2), "month"))
    assert changed.salt_name(TOMORROW) == TOMORROW.isoformat()
    assert agreed_rotation(store, "month", NOW) == changed
    # Taken back before it began: as if it had never been.
    assert agreed_rotation(store, "day", NOW + timedelta(days=1)).entries == ((date.min, "day"),)


def test_damaged_rotation_raises(store: LocalStore) -> None:
    store.put_if_absent("config/rotation.json", b"{}x")
    with pytest.raises(StoreUnavailableError, match="does not hold what it should"):
        agreed_rotation(store, "week", NOW)


# Visitor ids


def test_a_visitor_id_is_the_first_63_bits_of_the_hmac_of_address_and_agent() -> None:
    key = b"k" * 32
    digest = hmac.new(key, f"{ADDRESS}|{FIREFOX}".encode(), hashlib.sha256).hexdigest()
    assert visitor_id(Salt("", key), ADDRESS, FIREFOX) == int(digest[:16], 16) // 2


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text(max_size=40), st.text(max_size=200))
def test_a_visitor_id_fits_a_signed_bigint(key: bytes, address: str, user_agent: str) -> None:
    assert 0 <= visitor_id(Salt("", key), address, user_agent) < 2**63


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_a_salt_s_code_of_a_message_is_its_hmac(key: bytes, message: bytes) -> None:
    assert Salt("", key).mac(message) == hmac.digest(key, message, hashlib.sha256)


def test_visitor_ids_use_all_63_bits() -> None:
    salt = Salt("", b"k" * 32)
    ids = [visitor_id(salt, ADDRESS, f"agent {number}") for number in range(200)]
    assert all(any(found >> bit & 1 for found in ids) for bit in range(63))


def test_salt_that_another_thread_adds_while_old_ones_are_dropped_stays(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    salts, other = Salts(store, SECRET), list[bytes]()
    key_of(salts)

    def add_another(name: str) -> date:
        if not other:
            other.append(b"")
            other[0] = key_of(salts, "other.example", TODAY)
        return last_date(name)

    monkeypatch.setattr("mallard.privacy.salts.last_date", add_another)
    key_of(salts, day=TOMORROW, now=NOW + timedelta(days=1))
    assert other == [key_of(Salts(store, SECRET), "other.example", TODAY)]
    assert salts.holds("other.example", TODAY)
