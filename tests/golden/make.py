"""Golden files of this release's stored formats, for every later version to read.

Run once a release, from the root: ``PYTHONPATH=tests .venv/bin/python tests/golden/make.py``. What an earlier release
has written stays as it is.
"""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

import mallard
from mallard.auth.api_keys import ApiKeys
from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.shared_links import SharedLinks
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from support.place import DAYS, NOW, SITE, Place
from support.rollups import decode_rollup
from support.rows import event, stored_rows

GOLDEN = Path(__file__).parent
PASSWORD = "kettle-moss-17"
FILTERS = json.dumps([["is", "visit:country", ["DE"]]])


def write_table(store: LocalStore) -> dict[str, Any]:
    """A segment of a closed day, and the rollup of its month."""
    place = Place(store)
    with closing(place.engine):
        place.write(DAYS[0], 1, 2, 3, country_code="DE", props='{"plan":"pro"}', revenue_amount="12.30")
        place.build()
    return {"rows": stored_rows(store, Partition(SITE, DAYS[0])), "rollup": rollup_rows(store)}


def rollup_rows(store: LocalStore) -> dict[str, list[dict[str, Any]]]:
    """The rows of each rollup by its key."""
    found = {}
    for each in [row for row in store.list("rollups/") if row.key.endswith(".parquet")]:
        stored = store.get(each.key)
        assert stored is not None
        rows = decode_rollup(stored.data)
        assert rows is not None
        found[each.key] = rows.to_pylist()
    return found


def write_access(store: LocalStore) -> dict[str, Any]:
    """A key and a link with a password."""
    text, key = ApiKeys(store).create("golden", "ReadOnly", NOW, (SITE,), expires="2099-12-31")
    hashing = PasswordHashing(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    link = SharedLinks(store, hashing).create(SITE, "golden", NOW, password=PASSWORD, filters=FILTERS, embeddable=True)
    return {"key_text": text, "key": asdict(key), "password": PASSWORD, "link": asdict(link)}


def write_queue(file: Path) -> dict[str, Any]:
    """A queue with two events."""
    bodies = [event(number).to_message() for number in (1, 2)]
    queue = LocalQueue(file)
    queue.send(bodies)
    queue.close()
    return {"messages": [body.decode() for body in bodies]}


def as_json(values: Any) -> str:
    """Text in which dates and amounts are texts."""
    return json.dumps(values, indent=1, sort_keys=True, default=str)


def main() -> int:
    """Write the folder of this version; the exit code is 1 where there is one."""
    folder = GOLDEN / mallard.__version__
    if folder.exists():
        print(f"{folder} is there already.", file=sys.stderr)
        return 1
    folder.mkdir()
    store = LocalStore(folder / "store")
    expected = {**write_table(store), **write_access(store), **write_queue(folder / "queue.sqlite")}
    (folder / "expected.json").write_text(as_json(expected) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
