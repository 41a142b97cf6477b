"""Examples do what they show: carried out against a server, they give the very output that stands there."""

import http.client
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from mallard.auth.api_keys import ApiKeys
from mallard.cli import main
from mallard.store.local import LocalStore
from support.docs_curl import Request, as_request
from support.docs_pages import ROOT, Block, Page, pages, read
from support.docs_shell import Command, commands, script
from support.server import Server

PASSWORD = "kettle-moss-17"


@pytest.fixture(scope="module")
def page() -> Page:
    return read(Path("README.md"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("first") / "data"
    with guarded(folder) as server:
        yield server


def guarded(folder: Path) -> Server:
    """One whose password is set."""
    return Server(folder, MALLARD_AUTH="on", MALLARD_ADMIN_PASSWORD=PASSWORD, MALLARD_SQL="true")


def ask(server: Server, request: Request) -> tuple[str, str]:
    """The first line of the answer, and its body."""
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=30)
    # What curl sends by itself.
    headers = {"User-Agent": "curl/8.9.1", "Content-Type": "application/x-www-form-urlencoded", **dict(request.headers)}
    connection.request(request.method, request.target, request.body or None, headers)
    answer = connection.getresponse()
    # Parquet is no text.
    text = answer.read().decode(errors="replace")
    connection.close()
    return f"HTTP/1.1 {answer.status} {answer.reason}", text


def test_pageview_example_gives_the_documented_numbers(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = (each for each in page.blocks if "/api/event" in each.text)
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path / "data"))
    shown, key = [], ""
    with guarded(tmp_path / "data") as server:
        # What stands in $() is last of all; the key is needed before the numbers are asked for.
        for command in sorted(commands(script(block)), key=lambda each: "stats" in "".join(each.words)):
            if command.words[:1] == ("curl",):
                request = as_request([word.replace("$key", key) for word in command.words])
                shown.append(ask(server, request))
            elif command.words:
                assert command.words[0] == ".venv/bin/mallard"
                assert main(command.words[1:]) == 0
                key = capsys.readouterr().out.split()[-1]
    (taken, _), (_, numbers) = shown
    assert f"\n{taken}\n" in block.text
    assert f"\n{numbers}\n" in block.text


def test_start_example_prints_the_documented_output(page: Page, tmp_path: Path) -> None:
    block = page.blocks[0]
    made, _, greeting = block.text.partition("Mallard Metrics is at http://127.0.0.1:8000/\n")
    with Server(tmp_path / "data", MALLARD_AUTH="on") as server:
        printed = server.greeting().replace(server.origin, "http://127.0.0.1:8000")
    a_token = re.compile(r"^  [\w-]{22}$", re.MULTILINE)
    assert len(a_token.findall(greeting)) == 1
    assert a_token.sub("  TOKEN", printed) == a_token.sub("  TOKEN", greeting)
    first, *lines = made.splitlines()
    assert first == "$ make run"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [line for line in lines if f'@echo "{line}"' not in makefile] == []


def curls() -> list[tuple[str, Block, Command]]:
    """Every curl of the documents that asks a server on this machine."""
    return [
        (page.path.as_posix(), block, command)
        for page in pages()
        for block in page.blocks
        if block.language == "console"
        for command in commands(script(block))
        if command.words[:1] == ("curl",) and as_request(command.words).host == "127.0.0.1:8000"
    ]


@pytest.mark.parametrize(
    ("name", "block", "command"), [pytest.param(*each, id=f"{each[0]}:{each[1].line}") for each in curls()]
)
def test_every_curl_is_answered_by_a_server(server: Server, name: str, block: Block, command: Command) -> None:
    key = ApiKeys(LocalStore(server.data)).create("a", "Admin", datetime.now(UTC))[0]
    request = as_request([word.replace("$key", key) for word in command.words])
    line, text = ask(server, request)
    assert re.match(r"HTTP/1.1 20[02] ", line), (name, line, text)
    if block.text.count("$ curl") == 1 and "\n{" in block.text:
        assert f"\n{text}\n" in block.text


def test_docs_contain_curl_examples() -> None:
    assert len(curls()) >= 7


def test_pageview_example_is_dropped_without_its_user_agent(page: Page, server: Server) -> None:
    """As the page says."""
    (block,) = (each for each in page.blocks if "/api/event" in each.text)
    request = as_request(next(commands(script(block))).words)
    assert dict(request.headers).keys() == {"User-Agent"}
    before = drops_of_bots(server)
    line, _ = ask(server, Request(request.method, "", request.path, (), (), request.body))
    assert line == "HTTP/1.1 202 Accepted"
    assert drops_of_bots(server) == before + 1


def drops_of_bots(server: Server) -> int:
    """How many events were left out as a bot's."""
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    (count,) = re.findall(r'mallard_events_dropped_total\{reason="bot"\} (\d+)', text)
    return int(count)


def test_demo_example_prints_the_documented_output(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = (each for each in page.blocks if "mallard demo" in each.text)
    (command,) = commands(script(block))
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path / "data"))
    assert main([word.replace("1000000", "1000") for word in command.words[1:]]) == 0
    assert capsys.readouterr().out == block.text.splitlines()[1].replace("1,000,000", "1,000") + "\n"


def test_table_reading_example_gives_the_documented_output(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = (each for each in page.blocks if "duckdb -c" in each.text)
    (command,) = commands(script(block))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALLARD_DATA_DIR", "data")
    assert main(["demo", "--events", "2000", "--days", "5"]) == 0
    with duckdb.connect() as connection:
        rows = connection.sql(command.words[-1]).fetchall()
    assert len(rows) >= 4
    assert 1000 < sum(count for _, count in rows) <= 2000
