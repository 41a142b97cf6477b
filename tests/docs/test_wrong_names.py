"""Checks of names and commands: each wrong one is reported, no right one is."""

from pathlib import Path

import pytest

from support import docs_commands, docs_names
from support.docs_pages import Page
from support.docs_shell import Command, commands, script

WRONG = {
    "`MALLARD_PROT` is the port": "MALLARD_PROT is no setting",
    "```sh\nMALLARD_PROT=1 mallard serve\n```": "MALLARD_PROT is no setting",
    "`MALLARD_PORT=eighty`": "MALLARD_PORT is 'eighty', but must be",
    "`MALLARD_VISITOR_ROTATION=year`": "MALLARD_VISITOR_ROTATION is 'year'",
    "`tests/proof/test_nothing.py`": "is not there",
    "`layers/common/mallard/nothing/`": "is not there",
    "`query/nothing.py`": "is not there",
    "`nothing.py`": "is not there",
    "`tests/*/nothing*.py`": "is not there",
    "`docs/prometheus.yml`": "is not there",
    "`tests/docs/test_pages.py::test_no_such_thing`": "there is no test",
    "```sh\npytest tests/nothing/test_it.py -k a\n```": "tests/nothing/test_it.py is not there",
    "```sh\ncurl 'http://127.0.0.1:8000/api/stats/nothing?site_id=a'\n```": "answered by no route",
    '```html\n<script src="https://m.example.com/tracking/script.no.js"></script>\n```': "no script script.no.js",
    "`make tset`": "no target tset",
    "```console\n$ make tset\n```": "no target tset",
    "`mallard sreve`": "no command sreve",
    "`mallard keys create|delete`": "no command keys delete",
    "`mallard keys mkae`": "no command keys mkae",
    "`mallard export --sites S`": "mallard export has no option --sites",
    "`mallard --verson`": "has no option --verson",
    "```sh\nkey=$(.venv/bin/mallard keys create --nmae a)\n```": "keys create has no option --nmae",
    "```console\n$ mallard doctor && mallard sreve\n```": "no command sreve",
    "```console\n$ mallard export \\\n  --frce\n```": "export has no option --frce",
    "```sh\ndocker compose exec -T mallard mallard dcotor\n```": "no command dcotor",
    "```ini\nExecStart=/opt/m/.venv/bin/mallard sreve\n```": "no command sreve",
    "`GET /api/stats/nothing`": "answered by no route",
    "`POST /api/stats/main`": "POST /api/stats/main is answered by no route",
    "`GET, PUT /api/sites`": "PUT /api/sites is answered by no route",
    "`/api/nothing`": "answered by no route",
    "`GET /api/stats/breakdown/{name}`": "answered by no route",
    "`/api/nothing/…`": "no route begins with /api/nothing/",
    "`FlushHours=5`": "FlushHours is named nowhere",
    "`NoSuchAlarm`": "NoSuchAlarm is named nowhere",
}
RIGHT = [
    "`MALLARD_PORT=8000`, `MALLARD_SUPPRESS_*`, `MALLARD_*`",
    "`MALLARD_STORE=s3://bucket/prefix`",
    "`MALLARD_SECRET=...` and `MALLARD_SECRET=$SECRET`",
    "`tests/proof/test_table.py`, `tests/proof/`, `tests/proof`",
    "`engine/sql/`, `store/s3.py`, `config.py`, `functions/*/handler.py`",
    "`tests/docs/test_pages.py::test_documents_exist`",
    "`events/site_id=example.com/date=2026-03-10/00000.parquet`, `config/sites/`, `queue/queue.sqlite`",
    "`.venv/bin/mallard`, `tracker/dist/`, `text/plain`, `application/json`",
    "`GET /api/stats/main`, `GET, PUT /api/sites/{site_id}`, `GET /api/event?d=&n=`, `HEAD /api/event`",
    "`/api/stats/breakdown/pages`, `/api/stats/…`, `/api/*`, `/health*`, `/metrics`, `/auth/`",
    "`/tracking/script.outbound.js`, `/openapi.json`",
    "`FlushMinutes: 5`, `QueueAgeAlarm`, `SameSite=Strict`, `ReadOnly`",
    "`mallard export --site S [--start DATE] [--format parquet|csv|ndjson] [--output FILE]`, `mallard --version`",
    "`mallard keys create\\|list\\|revoke`, `mallard COMMAND --help`, `mallard serve my.toml`, `mallard.events`",
    "```sh\nsystemctl enable --now mallard\nrunuser -u mallard -- /opt/m/.venv/bin/mallard doctor\n```",
    "```sh\ndocker compose exec -T mallard tar -c . > backup.tar\ndocker compose up -d\nmake setup\n```",
    "`/pricing`, `/blog/*`, `page=/pricing`",
]


def found(text: str) -> list[str]:
    page = Page(Path("docs/a.md"), text)
    return [*docs_names.complaints(page), *docs_commands.complaints(page)]


@pytest.mark.parametrize("text", WRONG)
def test_wrong_name_is_reported(text: str) -> None:
    (told,) = found(text)
    assert WRONG[text] in told


@pytest.mark.parametrize("text", RIGHT)
def test_right_name_is_not_reported(text: str) -> None:
    assert found(text) == []


def test_transcript_commands_are_read_without_their_output() -> None:
    (block,) = Page(Path("docs/a.md"), "```console\n$ one \\\n  two\nthree\n$ four\n```").blocks
    assert list(commands(script(block))) == [Command(("one", "two")), Command(("four",))]


def test_command_line_is_split_like_a_shell() -> None:
    line = "A=1 B='2 3' one \"$(two 'x y')\" | three >file; four & # five"
    assert list(commands(line)) == [
        Command(("one", "$()"), (("A", "1"), ("B", "2 3"))),
        Command(("three",)),
        Command(("four",)),
        Command(("two", "x y")),
    ]
