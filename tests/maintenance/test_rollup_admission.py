"""Rollups are counted in turn with queries, and stop with their process."""

from typing import Any

import pytest

from mallard.engine.cancellation import CURRENT, Cancellation
from mallard.maintenance.rollup_builder import build_rollups
from mallard.store.local import LocalStore
from support.place import DAYS, NOW, Place


@pytest.fixture
def place(tmp_path: Any) -> Any:
    place = Place(LocalStore(tmp_path))
    for number, day in enumerate(DAYS):
        place.write(day, number * 2 + 1, number * 2 + 2)
    yield place
    place.engine.close()


def test_each_day_of_a_rollup_takes_a_turn_among_queries(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    database, turns = place.engine._database, []
    take_turn = database.turn

    def noted(*given: Any) -> Any:
        turns.append(given)
        return take_turn(*given)

    monkeypatch.setattr(database, "turn", noted)
    assert build_rollups(place.store, place.engine, NOW).days == 3
    assert len(turns) == 3


def test_stopped_build_raises_nothing_and_is_not_complete(place: Place) -> None:
    stop = Cancellation()
    stop.stop()
    token = CURRENT.set(stop)
    try:
        report = build_rollups(place.store, place.engine, NOW)
    finally:
        CURRENT.reset(token)
    assert (report.days, report.complete) == (0, False)
