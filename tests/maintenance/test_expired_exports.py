"""Downloads that were written to the store live for an hour."""

from datetime import timedelta

import pytest

from mallard.maintenance.expired_exports import delete_old_exports
from mallard.maintenance.jobs import MaintenanceJobs
from support.place import NOW, Place


@pytest.fixture
def written(place: Place) -> Place:
    """Two answers, one of them two hours old."""
    for name in ("old", "new"):
        place.store.put_if_absent(f"exports/{name}.csv", b"date\n")
    place.touch("exports/old.csv", NOW - timedelta(hours=2))
    place.touch("exports/new.csv", NOW - timedelta(minutes=50))
    return place


def keys(place: Place) -> list[str]:
    return [row.key for row in place.store.list("exports/")]


def test_old_export_is_deleted_and_a_new_one_stays(written: Place) -> None:
    assert delete_old_exports(written.store, NOW) == 1
    assert keys(written) == ["exports/new.csv"]
    assert delete_old_exports(written.store, NOW) == 0


def test_maintenance_deletes_old_exports(written: Place) -> None:
    MaintenanceJobs(written.store, written.engine).keep(NOW)
    assert keys(written) == ["exports/new.csv"]


def test_export_cleanup_leaves_the_table_alone(place: Place) -> None:
    before = list(place.store.list(""))
    assert delete_old_exports(place.store, NOW + timedelta(days=365)) == 0
    assert list(place.store.list("")) == before
