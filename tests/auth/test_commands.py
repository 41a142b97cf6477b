"""The commands of passwords and keys."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from mallard.auth.admin_password import PASSWORD_KEY, AdminPassword
from mallard.auth.api_keys import ApiKeys
from mallard.cli import main
from mallard.store.local import LocalStore

GOOD, OTHER = "kettle-moss-17", "lantern-fjord-4"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path))
    return LocalStore(tmp_path)


def pipe_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize("text", [GOOD, f"{GOOD}\n", f"{GOOD}\r\nanother line\n"])
def test_a_piped_password_is_set(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    pipe_in(monkeypatch, text)
    assert main(["password"]) == 0
    assert GOOD not in "".join(capsys.readouterr())
    assert AdminPassword(store).check(GOOD)


def test_a_forgotten_password_is_replaced(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    AdminPassword(store).set_first(OTHER, datetime.now(UTC))
    before = AdminPassword(store).mark()
    pipe_in(monkeypatch, GOOD)
    assert main(["password"]) == 0
    assert AdminPassword(store).check(GOOD)
    assert AdminPassword(store).mark() != before


@pytest.mark.parametrize("text", ["", "\n", "short\n", "password1\n", "x" * 5000])
def test_weak_password_is_refused_in_one_sentence(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    pipe_in(monkeypatch, text)
    assert main(["password"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mallard: The password ")
    assert said.count("\n") == 1
    assert store.get(PASSWORD_KEY) is None


def test_password_command_refuses_when_the_password_is_configured(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_ADMIN_PASSWORD", OTHER)
    pipe_in(monkeypatch, GOOD)
    assert main(["password"]) == 2
    assert "MALLARD_ADMIN_PASSWORD" in capsys.readouterr().err
    assert store.get(PASSWORD_KEY) is None


def until(stream: IO[bytes], prompt: bytes) -> bytes:
    """What is said up to a prompt: what is typed before it, a terminal throws away."""
    said = b""
    while not said.endswith(prompt):
        byte = stream.read(1)
        assert byte, said
        said += byte
    return said


@pytest.mark.parametrize(("second", "exit_code"), [(GOOD, 0), (OTHER, 2)])
def test_password_command_prompts_twice_without_echo(store: LocalStore, second: str, exit_code: int) -> None:
    terminal = f"import pty, os, sys; status = pty.spawn([{sys.executable!r}, '-m', 'mallard', 'password']); "
    terminal += "sys.exit(os.waitstatus_to_exitcode(status))"
    with subprocess.Popen([sys.executable, "-c", terminal], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin
        assert running.stdout
        said = until(running.stdout, b"New password: ")
        running.stdin.write(f"{GOOD}\n".encode())
        running.stdin.flush()
        said += until(running.stdout, b"Repeat the password: ")
        running.stdin.write(f"{second}\n".encode())
        running.stdin.flush()
        said += running.stdout.read()
    assert running.returncode == exit_code
    assert GOOD.encode() not in said
    assert (store.get(PASSWORD_KEY) is not None) is (exit_code == 0)


def test_keys_list_shows_the_expiry_of_a_key(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--name", "a", "--expires", "2999-12-31"]) == 0
    text = capsys.readouterr().out.split()[0]
    assert ApiKeys(store).find(text)
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert "until 3000-01-01T00:00:00+00:00" in listed
    assert f"used {datetime.now(UTC).date()}" in listed
    assert main(["keys", "create", "--name", "a", "--expires", "2020-01-01"]) == 2
    assert "expires_at is '2020-01-01', but must be in the future." in capsys.readouterr().err


def test_expired_key_is_listed_as_expired(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    ApiKeys(store).create("a", "Admin", datetime(2020, 1, 1, tzinfo=UTC), expires="2020-01-02")
    assert main(["keys", "list"]) == 0
    assert " over " in capsys.readouterr().out
    assert json.loads(next(store.root.glob("config/keys/*.json")).read_text())["revoked"] is False


def test_keys_create_prints_only_the_key_to_stdout(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--name", "curl"]) == 0
    key, said = capsys.readouterr()
    found = ApiKeys(store).find(key.removesuffix("\n"))
    assert found is not None
    assert (found.name, found.key_hash in said) == ("curl", True)
