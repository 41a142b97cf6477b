"""The programs that documents run, and what is looked at of each; a program that is not in the table is a complaint."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from support import docs_aws, docs_curl, docs_mallard
from support.docs_code import duckdb_complaints, python_complaints, queue_complaints
from support.docs_facts import (
    PLACEHOLDER,
    make_targets,
    make_variables,
    parameter_complaints,
    services,
    setting_complaints,
)
from support.docs_links import exists
from support.docs_pages import ROOT, pages
from support.docs_shell import Command
from support.pins import read_pins

Words = Sequence[str]

COMPOSE: dict[str, dict[str, bool]] = {
    "down": {"-v": False},
    "exec": {"-T": False},
    "logs": {"-f": False, "--follow": False},
    "ps": {},
    "run": {"-T": False, "--rm": False, "--entrypoint": True},
    "up": {"-d": False, "--build": False, "--wait": False},
}
"""Commands of ``docker compose`` with their options, and whether these take a value: the program that runs."""

AWS_VARIABLES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
}


def complaints(command: Command, *, mentioned: bool = False) -> Iterator[str]:
    """What is wrong with a command; ``mentioned``: in a sentence, where it may leave things out."""
    for name, value in command.variables:
        yield from _variable(name, value)
    if not command.words:
        return
    words = (_name(command.words[0]), *command.words[1:])
    if words[0] == "mallard":
        yield from docs_mallard.complaints(words, mentioned=mentioned)
    elif words[0] in PROGRAMS:
        yield from (f"{' '.join(words)}: {each}" for each in PROGRAMS[words[0]](words[1:]))
    elif "/" in words[0] and exists(words[0]):
        yield from _script(words)
    else:
        yield f"{words[0]} is a program that nothing is known of here"


def is_program(word: str) -> bool:
    """Whether a word is the name of one that is known."""
    return _name(word) in PROGRAMS or _name(word) == "mallard"


def _name(word: str) -> str:
    """Our own programs lie in .venv/bin, wherever that is."""
    name = re.sub(r"^(\S*/)?\.venv/bin/", "", word)
    return re.sub(r"^python3(\.\d+)?$", "python", name)


def _variable(name: str, value: str) -> Iterator[str]:
    if name.startswith("MALLARD_"):
        yield from setting_complaints(name, value)
    elif name.startswith("AWS_") and name not in AWS_VARIABLES:
        yield f"{name} is no variable of AWS's that is known here"
    elif name == "PYTHONPATH" and not exists(value):
        yield f"{value} is not there"


def _make(words: Words) -> Iterator[str]:
    for word in words:
        name, given, value = word.partition("=")
        if not given and name not in make_targets():
            yield f"the Makefile has no target {name}"
        elif given and name not in make_variables():
            yield f"the Makefile has no variable {name}"
        elif name == "PARAMETERS":
            for each in value.split():
                if each != "...":
                    yield from parameter_complaints(each)


def _python(words: Words) -> Iterator[str]:
    if words[0] == "-c":
        yield from python_complaints(words[1])
    elif words[0] == "-m" and words[1] == "pytest":
        yield from _pytest(words[2:])
    elif words[0] == "-m" and words[1] in ("bench", "mallard.health.container_check", "venv"):
        known = re.findall(r'^ +"(\w+)": \("', (ROOT / "bench" / "__main__.py").read_text("utf-8"), re.MULTILINE)
        yield from (f"no benchmark is called {each}" for each in words[2:] if words[1] == "bench" and each not in known)
    elif words[0] == "-m" and words[1:3] == ("pip", "install"):
        yield from _pip(words[2:])
    elif words[0] == "-m":
        yield f"nothing is known of the module {words[1]}"
    elif not exists(words[0]):
        yield f"{words[0]} is not there"
    else:
        yield from _parameters(words[1:])


def _parameters(words: Words) -> Iterator[str]:
    """Those of the template among the words, by their form."""
    for word in words:
        if re.match(r"[A-Z]\w+=", word):
            yield from parameter_complaints(word)


def _script(words: Words) -> Iterator[str]:
    """A script of ours, which is started by its path, or by bash."""
    yield from _there(words[0])
    yield from _parameters(words[1:])


def _pytest(words: Words) -> Iterator[str]:
    for word in words:
        path, _, name = word.partition("::")
        if "/" in path and not exists(path):
            yield f"{path} is not there"
        elif name and f"def {name.partition('[')[0]}(" not in (ROOT / path).read_text("utf-8"):
            yield f"{path} has no {name}"


def _pip(words: Words) -> Iterator[str]:
    """What is installed by hand is pinned by us somewhere, or a file of pins."""
    if words[0] != "install":
        yield f"nothing is known of pip {words[0]}"
    files = [*ROOT.glob("requirements/**/*.txt"), *ROOT.glob("functions/*/requirements.txt")]
    pinned = {pin.name for file in files for pin in read_pins(file)}
    names = [each for each in words[1:] if not each.startswith("-")]
    for name in names:
        if name.endswith(".txt"):
            yield from _there(name)
        elif re.split(r"[=<>~\[]", name)[0].lower() not in pinned:
            yield f"{name} is pinned nowhere"


def _sam(words: Words) -> Iterator[str]:
    options = {"build": {"--build-dir", "--parameter-overrides"}, "validate": {"--lint"}, "deploy": {"--guided"}}
    options["deploy"] |= {"--stack-name", "--template-file", "--config-file", "--parameter-overrides"}
    if words[0] not in options:
        yield f"nothing is known of sam {words[0]}"
        return
    yield from (f"no option {each}" for each in words if each.startswith("--") and each not in options[words[0]])
    yield from _parameters(words)


def _docker(words: Words) -> Iterator[str]:
    """``docker compose``: files and services are ours, and what runs inside is looked at too."""
    given = list(words)
    if given[:1] != ["compose"]:
        yield f"nothing is known of docker {words[0]}"
        return
    file = given[2] if given[1:2] == ["-f"] else "docker-compose.yml"
    yield from _there(file)
    command, *rest = given[3:] if given[1:2] == ["-f"] else given[1:]
    known = COMPOSE.get(command)
    if known is None:
        yield f"nothing is known of docker compose {command}"
        return
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option not in known:
            yield f"no option {option}"
        elif known[option]:
            program = rest.pop(0)
            rest = [*rest[:1], program, *rest[1:]]
    yield from (f"no compose file has a service {name}" for name in rest[:1] if name not in services())
    if command in ("exec", "run"):
        yield from complaints(Command(tuple(rest[1:])), mentioned=len(rest) < 3)


def _run_as(words: Words) -> Iterator[str]:
    """``runuser -u USER -- COMMAND``."""
    if words[0] != "-u" or words[2] != "--":
        yield "nothing is known of it but -u USER -- COMMAND"
    else:
        yield from complaints(Command(tuple(words[3:])))


def _tar(words: Words) -> Iterator[str]:
    """Its options; of a backup, what is left out is the same in all of them: tests/operate/test_backup.py."""
    options = [each for each in words if each.startswith("-")]
    yield from (f"no option {each}" for each in options if each not in ("-c", "-x", "-C", "--exclude"))


def _first_of(*known: str) -> Callable[[Words], Iterator[str]]:
    """A program of which only some commands are used."""

    def check(words: Words) -> Iterator[str]:
        if not words or words[0] not in known:
            yield f"there is {', '.join(known)}"

    return check


def _unit(words: Words) -> Iterator[str]:
    """systemd's: of a unit that a document shows."""
    name = words[-1].removesuffix(".service")
    if words == ("daemon-reload",):
        return
    if words[0] not in ("start", "stop", "restart", "enable", "status", "-u"):
        yield f"nothing is known of {words[0]}"
    elif len(words) > 1 and not any(f"/{name}.service" in page.text for page in pages()):
        yield f"no document shows the unit {name}"


def _export(words: Words) -> Iterator[str]:
    for word in words:
        yield from _variable(*word.partition("=")[::2])


def _there(path: str) -> Iterator[str]:
    if not PLACEHOLDER.search(path) and not exists(path):
        yield f"{path} is not there"


def _copy(words: Words) -> Iterator[str]:
    yield from _there(words[0])


def _node(words: Words) -> Iterator[str]:
    yield from _there(words[0])


def _npm(words: Words) -> Iterator[str]:
    scripts = json.loads((ROOT / "package.json").read_text("utf-8"))["scripts"]
    if words[0] not in ("ci", "run", "audit") or (words[0] == "run" and words[1] not in scripts):
        yield "package.json has no such script"


def _rsync(words: Words) -> Iterator[str]:
    """Its options; tests/operate/test_backup.py does what it does."""
    options = [each for each in words if each.startswith("-")]
    yield from (f"no option {each}" for each in options if each not in ("-a", "--delete", "--exclude"))


def _openssl(words: Words) -> Iterator[str]:
    if words[:2] != ("rand", "-hex") or not words[2].isdigit():
        yield "nothing is known of it but rand -hex N"


def _duckdb(words: Words) -> Iterator[str]:
    if words[0] != "-c" or len(words) != 2:
        yield "nothing is known of it but -c SQL"
    else:
        yield from duckdb_complaints(words[1])


def _sqlite3(words: Words) -> Iterator[str]:
    if Path(words[0]).name != "queue.sqlite":
        yield f"{words[0]} is no file of ours"
    yield from queue_complaints(words[1])


PROGRAMS: dict[str, Callable[[Words], Iterator[str]]] = {
    ".": _first_of(".venv/bin/activate", "/etc/mallard.env"),
    "aws": lambda words: docs_aws.complaints(("aws", *words)),
    "awslocal": lambda words: docs_aws.complaints(("aws", *words)),
    "bash": _script,
    "cp": _copy,
    "curl": lambda words: docs_curl.complaints(("curl", *words)),
    "docker": _docker,
    "duckdb": _duckdb,
    "export": _export,
    "git": _first_of("checkout", "clone", "pull"),
    "journalctl": _unit,
    "localstack": _first_of("logs", "start", "status", "stop", "wait"),
    "make": _make,
    "node": _node,
    "npm": _npm,
    "openssl": _openssl,
    "pip": _pip,
    "pip-audit": _first_of(""),
    "pytest": _pytest,
    "python": _python,
    "read": _first_of("-rs"),
    "rsync": _rsync,
    "ruff": _first_of("check", "format"),
    "runuser": _run_as,
    "sam": _sam,
    "set": _first_of("-a", "+a"),
    "sh": _script,
    "sqlite3": _sqlite3,
    "systemctl": _unit,
    "tar": _tar,
    "ulimit": _first_of("-n"),
    "useradd": _first_of("--system"),
}
