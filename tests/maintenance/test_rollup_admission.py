"""Rollups are counted in turn with queries, and stop with their process."""

from typing import Any

import pytest

from mallard.engine.cancellation import CURRENT, Cancellation
from mallard.maintenance.rollup_builder import build_rollups
from mallard.store.local import LocalStore
from support.place import DAYS, NOW, Place
from support.portions import count_each_day_alone


@pytest.fixture
def place(tmp_path: Any) -> Any:
    place = Place(LocalStore(tmp_path))
    for number, day in enumerate(DAYS):
        place.write(day, number * 2 + 1, number * 2 + 2)
    yield place
    place.engine.close()


@pytest.mark.parametrize(("alone", "expected"), [(True, 3), (False, 1)])
def test_each_statement_of_a_rollup_takes_a_turn_among_queries(
    place: Place, monkeypatch: pytest.MonkeyPatch, alone: bool, expected: int
) -> None:
    if alone:
        count_each_day_alone(monkeypatch)
    database, turns = place.engine._database, []
    take_turn = database.turn

    def noted(*given: Any) -> Any:
        turns.append(given)
        return take_turn(*given)

    monkeypatch.setattr(database, "turn", noted)
    assert build_rollups(place.store, place.engine, NOW).days == 3
    assert len(turns) == expected


def test_stopped_build_raises_nothing_and_is_not_complete(place: Place) -> None:
    stop = Cancellation()
    stop.stop()
    token = CURRENT.set(stop)
    try:
        report = build_rollups(place.store, place.engine, NOW)
    finally:
        CURRENT.reset(token)
    assert (report.days, report.complete) == (0, False)
