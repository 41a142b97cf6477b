"""Housekeeping comes when it is due, also after a clock that was ahead."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mallard.errors import StoreUnavailableError
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.jobs import HOURLY, JOBS, Job, JobContext, JobOutcome, JobsReport, MaintenanceJobs
from mallard.privacy.salts import delete_old_salts, salt_key
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store
from mallard.store.local import LocalStore
from support.place import DAYS, NOW, SITE, Place


def test_maintenance_is_due_again_when_the_clock_was_set_back(place: Place) -> None:
    place.age(*(NOW.date() - timedelta(days=number) for number in range(5)))
    house = MaintenanceJobs(place.store, place.engine)
    ahead = house.keep(NOW + timedelta(days=1))
    place.delete_rollups()
    assert house.keep(NOW + timedelta(days=1)) == JobsReport()
    assert ahead.days_rolled_up > 0
    assert house.keep(NOW).days_rolled_up > 0


class Dated(LocalStore):
    """A folder with a clock of its own, as a server has one."""

    def server_time(self) -> datetime:  # type: ignore[override]
        return NOW


def delete_salts(store: Store, now: datetime) -> int:
    return delete_old_salts(store, SiteSettingsStore(store), now)


def delete_days(store: Store, now: datetime) -> int:
    return retain(store, DataRetention(days=3), now)


@pytest.mark.parametrize("delete", [delete_salts, delete_days])
def test_deletions_use_the_clock_of_the_store_when_ours_is_ahead(
    tmp_path: Path, delete: Callable[[Store, datetime], int]
) -> None:
    far = NOW + timedelta(days=30)
    for kind, folder in ((Dated, "server"), (LocalStore, "folder")):
        place = Place(kind(tmp_path / folder))
        place.write(DAYS[-1], 1)
        place.store.put_if_absent(salt_key(SITE, NOW.date().isoformat()), b"{}")
        assert delete(place.store, far) == (0 if kind is Dated else 1)
        place.engine.close()


def test_failed_job_is_due_again_at_once_and_holds_back_no_other(place: Place) -> None:
    runs: list[str] = []

    def fail(context: JobContext) -> JobOutcome:
        runs.append("fails")
        raise StoreUnavailableError("The store did not answer.")

    def work(context: JobContext) -> JobOutcome:
        runs.append("works")
        return JobOutcome(2)

    jobs = (Job("fails", HOURLY, fail), Job("works", HOURLY, work, "objects_deleted"))
    house = MaintenanceJobs(place.store, place.engine, jobs=jobs)
    assert house.keep(NOW) == JobsReport(objects_deleted=2)
    assert house.keep(NOW) == JobsReport()
    assert runs == ["fails", "works", "fails"]


def test_stopped_jobs_count_no_rollups(place: Place) -> None:
    house = MaintenanceJobs(place.store, place.engine)
    house.stop()
    assert house.keep(NOW).days_rolled_up == 0


def test_registered_jobs_have_names_of_their_own_and_fields_of_the_report() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert {job.counted_as for job in JOBS} - {""} == set(JobsReport().counts())
