"""What the check of names finds: settings, files, routes and words that are none are told, those that are not."""

from pathlib import Path

import pytest

from support.docs_names import complaints
from support.docs_pages import Page

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
    "`/pricing`, `/blog/*`, `page=/pricing`",
]


def found(text: str) -> list[str]:
    return list(complaints(Page(Path("docs/a.md"), text)))


@pytest.mark.parametrize("text", WRONG)
def test_wrong_name_is_reported(text: str) -> None:
    (told,) = found(text)
    assert WRONG[text] in told


@pytest.mark.parametrize("text", RIGHT)
def test_right_name_is_not_reported(text: str) -> None:
    assert found(text) == []
