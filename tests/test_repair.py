"""`mallard repair` and `mallard doctor` over damaged files: named with their day, and set aside on demand."""

import json
from datetime import date
from pathlib import Path

import pytest

from mallard.auth.admin_password import PASSWORD_KEY
from mallard.auth.api_keys import KEYS, ApiKeys
from mallard.auth.login_sessions import EPOCH_KEY, LoginSessions
from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.shared_links import LINKS, SharedLinks
from mallard.cli import main
from mallard.cli.damaged_objects import damaged_objects
from mallard.cli.integrity_checks import check_integrity
from mallard.drops.drop_counts import rejections
from mallard.errors import DamagedObjectError
from mallard.maintenance.rollup_builder import build_rollups
from mallard.privacy.rotation import ROTATION_KEY
from mallard.privacy.salts import SECRET_KEY
from mallard.sites.settings_store import SiteSettingsStore, site_key
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.rollup import rollup_key
from mallard.table.visits_file import visits_key
from mallard.table.writer import TableWriter
from support.damage import damage
from support.memory import MemoryStore
from support.place import DAYS, NOW, SITE, Place
from support.rows import HERE, deliveries, events
from support.server import Server

SALT = "salts/site_id=example.com/2026-03-10.json"
OBJECTS = (
    site_key(SITE),
    f"{KEYS}{'0' * 64}.json",
    f"{LINKS}{'a' * 22}.json",
    PASSWORD_KEY,
    ROTATION_KEY,
    SECRET_KEY,
    SALT,
    "config/erasures/1.json",
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path))
    found = LocalStore(tmp_path)
    for partition in (HERE, Partition("other.example", HERE.date)):
        TableWriter(found, seal_rows=3).append(partition, deliveries(events(1, 2, 3, 4, 5)))
    return found


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    code = main(["repair", *words])
    return code, capsys.readouterr().out.splitlines()


def test_repair_reports_an_undamaged_store(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys) == (0, ["Nothing is damaged."])


def test_repair_lists_damaged_files_without_changes(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    damage(store, HERE.segment(1), "empty")
    before = {row.key: row.version for row in store.list("")}
    code, lines = run(capsys)
    assert code == 1
    assert lines[0] == f"damaged    2026-01-02  example.com  {HERE.segment(1)}: it is empty, 0 bytes"
    assert len(lines) == 2
    assert {row.key: row.version for row in store.list("")} == before


def test_repair_apply_sets_the_named_day_aside_only(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    other = Partition("other.example", HERE.date)
    damage(store, HERE.segment(1), "cut")
    damage(store, other.segment(0), "cut")
    code, lines = run(capsys, "--apply", "--site", "example.com", "--date", "2026-01-02")
    assert code == 0
    assert [line.split(":")[0] for line in lines] == [f"set aside  2026-01-02  example.com  {HERE.segment(1)}"]
    (kept,) = store.list("damaged/")
    assert kept.key.startswith(f"damaged/{HERE.segment(1)}.")
    assert run(capsys, "--site", "other.example")[0] == 1
    assert run(capsys, "--site", "other.example", "--date", "2026-01-03") == (0, ["Nothing is damaged."])
    assert run(capsys, "--apply")[0] == 0
    assert run(capsys) == (0, ["Nothing is damaged."])


def test_repair_rebuilds_damaged_rollups_and_deletes_damaged_salts(
    store: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(store)
    place.write(DAYS[0], 1, 2, 3)
    place.build()
    key = rollup_key(SITE, date(2026, 3, 1))
    held = store.get(key)
    assert held is not None
    store.put_if_match(key, b"damaged", held.etag)
    store.put_if_absent(SALT, b"damaged")
    assert run(capsys)[0] == 1
    assert run(capsys, "--apply")[0] == 0
    assert store.get(SALT) is None
    assert not list(store.list("damaged/salts"))
    assert run(capsys) == (0, ["Nothing is damaged."])
    assert place.build() > 0
    place.engine.close()


def test_repair_deletes_damaged_visits_which_are_built_again(
    store: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(store)
    place.write(DAYS[0], 1, 2, 3)
    place.build()
    key = visits_key(SITE, DAYS[0])
    held = store.get(key)
    assert held is not None
    store.put_if_match(key, held.data[:-1], held.etag)
    _, objects = check_integrity(store)
    assert f"Damaged: {key} (`mallard repair --apply` rebuilds it)." in objects.sentence
    assert run(capsys)[0] == 1
    assert run(capsys, "--apply")[0] == 0
    assert store.get(key) is None
    assert place.build() == 1
    assert run(capsys) == (0, ["Nothing is damaged."])
    place.engine.close()


def test_doctor_names_damaged_files_and_strays(store: LocalStore) -> None:
    assert [each.ok for each in check_integrity(store)] == [True, True]
    store.put_if_absent(f"{HERE.prefix}notes.txt", b"mine")
    table, _ = check_integrity(store)
    assert table.sentence.endswith(f"may take for segments: {HERE.prefix}notes.txt. Move them elsewhere.")
    damage(store, HERE.segment(0), "empty")
    table, _ = check_integrity(store)
    assert f"Damaged: {HERE.segment(0)} (it is empty)." in table.sentence


@pytest.mark.parametrize("key", OBJECTS)
def test_damaged_objects_are_named_with_advice(key: str) -> None:
    store = MemoryStore()
    store.put_if_absent(key, b"\x00")
    (found,) = damaged_objects(store)
    assert found.key[:15] == key[:15]
    assert found.advice


def test_damaged_key_and_link_do_not_hide_the_others(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    ring, links = ApiKeys(store), SharedLinks(store, PasswordHashing())
    _, key = ring.create("one", "ReadOnly", NOW)
    link = links.create(SITE, "one", NOW)
    store.put_if_absent(f"{KEYS}{'0' * 64}.json", b"")
    store.put_if_absent(f"{LINKS}{'a' * 22}.json", b"")
    assert (ring.all(), links.all()) == ([key], [link])
    assert f"{KEYS}{'0' * 64}.json does not hold what it should" in caplog.text
    assert f"{LINKS}aaaa….json does not hold what it should" in caplog.text
    assert links.revoke("a" * 22)


def test_damaged_settings_of_a_site_hold_back_no_other_sites_rollups(tmp_path: Path) -> None:
    place = Place(LocalStore(tmp_path))
    for site_id in (SITE, "other.example"):
        place.write(DAYS[0], 1, 2, 3, site_id=site_id)
    place.store.put_if_absent(site_key("other.example"), b"{")
    with pytest.raises(DamagedObjectError, match=site_key("other.example")):
        SiteSettingsStore(place.store).get("other.example")
    assert build_rollups(place.store, place.engine, NOW).days == 1
    place.engine.close()


def test_damaged_session_epoch_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.put_if_absent(EPOCH_KEY, b"{}")
    sessions = LoginSessions(store, b"secret", lambda: "mark", lasts_seconds=60)
    assert sessions.holds(sessions.begin(NOW), NOW)
    held = store.get(EPOCH_KEY)
    assert held is not None
    assert json.loads(held.data)["epoch"]
    assert f"{EPOCH_KEY} is damaged" in caplog.text


def test_damaged_counts_of_drops_are_named(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.put_if_absent("rejected/date=2026-03-10/counts.json", b"{")
    assert list(rejections(store, SITE, date(2026, 3, 10), date(2026, 3, 11))) == []
    assert "rejected/date=2026-03-10/counts.json is damaged" in caplog.text


def test_server_answers_and_accepts_events_beside_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path))
    with Server(tmp_path, MALLARD_FLUSH_INTERVAL="1") as server:
        assert server.send(u="/before") == 202
        server.wait_until_flushed()
        (file,) = (tmp_path / "events").rglob("*.parquet")
        copy = tmp_path / "half"
        copy.write_bytes(file.read_bytes()[:1000])
        copy.rename(file)
        key = str(file.relative_to(tmp_path))
        assert server.send(u="/after") == 202
        found = server.main()
        assert (found["total_pageviews"], [each["file"] for each in found["incomplete"]]) == (1, [key])
        assert run(capsys, "--apply")[0] == 0
        assert server.send(u="/repaired") == 202
        found = server.main()
        assert (found["total_pageviews"], "incomplete" in found) == (2, False)
