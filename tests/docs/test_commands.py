"""Smoke test of the documented ``mallard`` commands, and the documents' list of options."""

import gzip
import re
from pathlib import Path

import pytest

from mallard.cli import main, parser
from support.docs_commands import options
from support.docs_pages import pages
from support.docs_shell import commands, script

ORDER = ["keys", "demo", "query", "export", "import", "flush", "doctor"]
SERVERS = {"serve"}
"""Commands that run until they are stopped: test_examples.py starts one."""


def documented() -> set[tuple[str, ...]]:
    """Arguments of ``mallard`` in blocks, but for commands on a store or a user that the reader has."""
    return {
        command.words[1:]
        for page in pages()
        for block in page.blocks
        if block.language in ("console", "sh", "bash")
        for command in commands(script(block))
        if command.words and re.fullmatch(r"(\.venv/bin/)?mallard", command.words[0]) and not command.variables
    }


def test_documented_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALLARD_DATA_DIR", "data")
    found = sorted((each for each in documented() if each[0] not in SERVERS), key=lambda each: ORDER.index(each[0]))
    assert {each[0] for each in found} == set(ORDER)
    assert main(["demo", "--site", "example.com", "--events", "200", "--days", "2"]) == 0
    for arguments in found:
        if arguments[0] == "import":
            assert main(["export", "--site", "example.com", "--output", "all.ndjson"]) == 0
            Path(arguments[1]).write_bytes(gzip.compress(Path("all.ndjson").read_bytes()))
        # Fewer events on fewer days: the flush at the end rolls each of them up.
        fewer = ["--days", "3"] if arguments[0] == "demo" and "--days" not in arguments else []
        code = main([*(each.replace("1000000", "1000") for each in arguments), *fewer])
        # A check of `mallard doctor` may fail on a small machine.
        assert code == 0 or (code == 1 and arguments[0] == "doctor"), (arguments, capsys.readouterr())


def test_documented_servers_have_valid_arguments() -> None:
    for arguments in documented():
        # An invalid argument ends the program.
        assert arguments[0] not in SERVERS or parser().parse_args(arguments)


def test_every_option_is_documented() -> None:
    text = "\n".join(page.text for page in pages() if page.path.name != "CHANGELOG.md")
    missing = {(name, each) for name, known in options().items() for each in known if not has(text, each)}
    assert missing == set()


def has(text: str, option: str) -> bool:
    return re.search(rf"{option}(?![\w-])", text) is not None
