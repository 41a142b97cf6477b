"""Housekeeping comes when it is due, also after a clock that was ahead."""

from datetime import timedelta

from mallard.keeping.house import House, HouseReport
from support.place import NOW, Place


def test_keep_is_due_again_when_the_clock_was_set_back(place: Place) -> None:
    place.age(*(NOW.date() - timedelta(days=number) for number in range(5)))
    house = House(place.store, place.engine)
    ahead = house.keep(NOW + timedelta(days=1))
    place.delete_rollups()
    assert house.keep(NOW + timedelta(days=1)) == HouseReport()
    assert ahead.days_rolled_up > 0
    assert house.keep(NOW).days_rolled_up > 0
