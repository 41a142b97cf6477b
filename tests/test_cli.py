"""The commands beside `serve`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mallard.cli import COMMANDS, main
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import Event
from mallard.queue.local import LocalQueue
from mallard.sites.settings_store import TTL_SECONDS
from mallard.table.writer import TableWriter

COUNT = "SELECT count(*), count(DISTINCT event_id) FROM read_parquet(?, hive_partitioning = true, union_by_name = true)"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path))
    return tmp_path


def counted(data: Path) -> tuple[int, int]:
    found = duckdb.execute(COUNT, [f"{data}/events/**/*.parquet"]).fetchone()
    assert found is not None
    return found[0], found[1]


def test_demo_writes_the_requested_events_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["demo", "--events", "5000", "--days", "7", "--random-seed", "3", "--until", "2026-01-31T12:00"]
    assert main(arguments) == 0
    assert counted(data) == (5000, 5000)
    said = capsys.readouterr()
    assert said.out == "5,000 events of demo.example.com written.\n"
    assert len(said.err.splitlines()) == 7
    assert main(arguments) == 0
    assert counted(data) == (5000, 5000)
    assert capsys.readouterr().out == "0 events of demo.example.com written (5,000 were there already).\n"


def test_demo_writes_days_again_after_erase_and_erase_waits_until_servers_know(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("mallard.cli.erase.time.sleep", waited.append)
    demo = ["demo", "--events", "50", "--days", "2", "--until", "2026-01-31T12:00"]
    assert main(demo) == 0
    assert main(["erase", "--site", "demo.example.com", "--start", "2026-01-29", "--end", "2026-01-31", "--yes"]) == 0
    assert "50 events of 2 days of demo.example.com erased." in capsys.readouterr().out
    (seconds,) = waited
    assert 0 < seconds <= TTL_SECONDS
    assert main(demo) == 0
    assert capsys.readouterr().out == "50 events of demo.example.com written.\n"


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--events", "0", "--events is 0, but must be from 1 to"),
        ("--days", "99999", "--days is 99999, but must be from 1 to"),
        ("--random-seed", "-1", "--random-seed is -1, but must be 0 or more."),
    ],
)
def test_invalid_demo_option_is_refused_in_one_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, sentence: str
) -> None:
    assert main(["demo", option, value]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mallard: ")
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["demo", "export", "import", "erase", "repair", "keys create"])
def test_command_rejects_an_invalid_site_id(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--site", "a b"])
    assert ended.value.code == 2
    assert "argument --site: site_id may hold only" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["flush", "CONFIG"], ["flush", "--config", "CONFIG"], ["demo", "--config", "CONFIG"]]
)
def test_command_reads_its_configuration_file(arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(f'data_dir = "{tmp_path}/there"\n')
    assert main([str(file) if word == "CONFIG" else word for word in arguments]) == 0
    assert (tmp_path / "there").is_dir()


def test_flush_closes_its_queue_and_its_engine(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[type] = []
    for kind in (LocalQueue, DuckDBEngine, TableWriter):
        close = kind.close

        def note(each: Any, close: Any = close) -> None:
            closed.append(type(each))
            close(each)

        monkeypatch.setattr(kind, "close", note)
    assert main(["flush"]) == 0
    assert sorted(kind.__name__ for kind in closed) == ["DuckDBEngine", "LocalQueue", "TableWriter"]


def test_flush_writes_pending_events(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = LocalQueue(data / "queue" / "queue.sqlite")
    events = [Event(number, "example.com", "2026-01-31", 0, None, 1_769_860_800_000, "pageview") for number in range(3)]
    queue.send([event.to_message() for event in events])
    queue.close()
    assert main(["flush"]) == 0
    assert capsys.readouterr().out == "3 events written into 1 partitions.\n"
    assert counted(data) == (3, 3)
    assert main(["flush"]) == 0
    assert capsys.readouterr().out == "0 events written into 0 partitions.\n"


def test_unknown_command_exits_with_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2


def test_command_imports_no_packages_of_other_commands() -> None:
    """The web framework alone takes a quarter of a second."""
    code = "import sys; from mallard.cli import main; main(['password', '--help'])"
    check = f"try:\n {code}\nexcept SystemExit:\n assert not {{'fastapi', 'duckdb', 'numpy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_unknown_command_error_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sreve"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "sreve" in said
    assert all(name in said for name in COMMANDS)
