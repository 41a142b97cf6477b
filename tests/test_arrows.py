"""Who may import whom: the arrows of docs/architecture.md, read from the sources."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "common" / "mallard"

ALLOWED = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "event": set(),
    "hashed_cache": set(),
    "masks": set(),
    "names": {"hashed_cache"},
    "priority": set(),
    "config": {"errors", "names"},
    "store": {"config", "errors"},
    "queue": {"config", "errors"},
    "sites": {"errors", "names", "store"},
    "rotation": {"errors", "store"},
    "derived": set(),
    "salts": {"derived", "errors", "rotation", "sites", "store"},
    "rejected": {"errors", "event", "store"},
    "auth": {"config", "derived", "errors", "priority", "store", "web"},
    "observe": {"config", "errors"},
    "ingest": {
        "auth",
        "config",
        "derived",
        "errors",
        "event",
        "hashed_cache",
        "masks",
        "names",
        "observe",
        "queue",
        "rejected",
        "rotation",
        "salts",
        "sites",
        "store",
        "web",
    },
    "table": {"errors", "event", "rotation", "store"},
    "flush": {"errors", "observe", "queue", "rejected", "store", "table"},
    "query": {
        "auth",
        "behaviour",
        "config",
        "errors",
        "event",
        "masks",
        "names",
        "observe",
        "priority",
        "queue",
        "rejected",
        "salts",
        "sites",
        "store",
        "table",
        "web",
    },
    "keeping": {"auth", "config", "errors", "event", "query", "rejected", "salts", "sites", "store", "table"},
    "behaviour": {"errors", "event", "names", "query", "rotation", "sites", "store", "table"},
    "demo": {"event", "names", "table"},
    "health": {
        "__init__",
        "auth",
        "config",
        "errors",
        "flush",
        "ingest",
        "observe",
        "query",
        "queue",
        "store",
        "table",
        "web",
    },
    "transfer": {"errors", "event", "ingest", "sites", "store", "table"},
    "parameters": {"errors"},
    "static": {"errors", "web"},
    "web": set(),
}
"""Each room and the rooms it may know; `embedded`, `cli` and the handlers put all together."""

COMPOSERS = {"embedded", "cli"}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_modules(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def rooms_known(file: Path) -> set[str]:
    known = {
        name.split(".")[1] if "." in name else "__init__"
        for name in imported_modules(file)
        if name.split(".")[0] == "mallard"
    }
    return known - {room_of(file)}


SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_is_in_the_map() -> None:
    assert {room_of(file) for file in SOURCES} == set(ALLOWED) | COMPOSERS


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_knows_only_whom_it_may(file: Path) -> None:
    room = room_of(file)
    if room not in COMPOSERS:
        assert rooms_known(file) <= ALLOWED[room]


def test_only_the_seams_to_aws_and_handlers_know_boto3() -> None:
    knowing = {
        str(f.relative_to(PACKAGE))
        for f in SOURCES
        if {m.split(".")[0] for m in imported_modules(f)} & {"boto3", "botocore"}
    }
    assert knowing == {"store/s3.py", "store/signing.py", "queue/sqs.py"}


def test_only_config_reads_the_environment() -> None:
    reading = {
        str(f.relative_to(PACKAGE)) for f in SOURCES if "os.environ" in f.read_text() or "getenv" in f.read_text()
    }
    assert reading == {"config.py"}


def test_the_ingest_function_loads_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; sys.path.insert(0, 'functions/ingest'); import handler;"
        " print([m for m in ('fastapi', 'duckdb', 'pyarrow', 'pandas', 'numpy', 'pydantic',"
        " 'aiohttp', 'requests', 'geoip2', 'ua_parser_builtins.regexes') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["ingest", "flush", "query"])
def test_a_handler_is_thin(name: str) -> None:
    lines = (ROOT / "functions" / name / "handler.py").read_text().splitlines()
    assert len(lines) <= 60
