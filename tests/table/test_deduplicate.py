"""Which rows are new: redeliveries, clients' retries, ids that met, erased days."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from mallard.event import Event
from mallard.table.deduplicate import KnownEvents, select_new_rows
from mallard.table.schema import EVENTS, FILLED, GIVEN_ID
from support.rows import deliveries, event, events, rows_of

NO_SEALED: dict[str, pa.Table] = {}
AT = {"timestamp": 1_767_355_200_000, "accepted_ms": 1_767_355_200_000}


def known(tail: Iterable[Event] = (), *sealed: Iterable[Event]) -> KnownEvents:
    """A partition with this tail above these sealed segments."""
    tables = {f"{number:05d}": rows_of(each) for number, each in enumerate(sealed)}
    return KnownEvents(rows_of(tail), {key: table["event_id"] for key, table in tables.items()}, tables.__getitem__)


def nothing(_: str) -> pa.Table:
    """What a partition without sealed segments reads."""
    return EVENTS.empty_table()


def taken(
    given: Sequence[Event], held: KnownEvents, erased_before: int | None = None
) -> tuple[list[tuple[int, str]], int]:
    """Id and path of each row to write, and the number of duplicates."""
    rows, duplicates, _ = select_new_rows(deliveries(given), held, erased_before)
    assert rows.schema.equals(EVENTS)
    return list(zip(rows["event_id"].to_pylist(), rows["pathname"].to_pylist(), strict=True)), duplicates


def ids(given: Sequence[Event], held: KnownEvents, erased_before: int | None = None) -> list[int]:
    return [number for number, _ in taken(given, held, erased_before)[0]]


def test_events_are_all_new_to_an_empty_partition() -> None:
    assert taken(events(1, 2, 3), known()) == ([(1, "/1"), (2, "/2"), (3, "/3")], 0)


def test_empty_delivery_has_no_fresh_rows() -> None:
    assert taken([], known(events(1), events(2))) == ([], 0)


def test_redelivered_event_of_the_tail_is_a_duplicate() -> None:
    assert taken(events(1, 2, 3), known(events(1, 3))) == ([(2, "/2")], 2)


def test_redelivered_event_of_a_sealed_segment_is_a_duplicate() -> None:
    assert taken(events(1, 2, 3), known([], events(1), events(2))) == ([(3, "/3")], 2)


def test_event_repeated_in_one_batch_is_stored_once() -> None:
    assert taken(events(1, 2, 1, 1), known()) == ([(2, "/2"), (1, "/1")], 2)


def test_nulls_are_equal_and_differ_from_values() -> None:
    with_props, without = event(1, props="{}"), event(1)
    assert taken([without], known([without]))[1] == 1
    assert taken([with_props], known([with_props]))[1] == 1
    assert ids([with_props], known([without])) == [2]
    assert ids([without], known([with_props])) == [2]


@pytest.mark.parametrize(
    "change",
    [
        {"visitor_id": 7},
        {"timestamp": 1_767_355_200_099},
        {"event_name": "signup"},
        {"pathname": "/other"},
        {"revenue_amount": "1.00"},
        {"scroll_depth": 50},
        {"engagement_ms": 1},
        {"props": "{}"},
    ],
    ids=lambda change: str(*change),
)
@pytest.mark.parametrize("where", ["tail", "sealed", "batch"])
def test_conflicting_event_id_takes_the_next_id(change: dict[str, Any], where: str) -> None:
    first, second = event(1), event(1, **change)
    if where == "batch":
        assert sorted(ids([first, second], known())) == [1, 2]
    else:
        assert ids([second], known([first]) if where == "tail" else known([], [first])) == [2]


def test_conflicting_event_id_moves_to_the_next_free_one() -> None:
    late = event(1, pathname="/late")
    held = known([event(1), event(3)], [event(2)])
    assert taken([late, event(4)], held) == ([(4, "/4"), (5, "/late")], 0)


def test_events_sharing_an_id_all_stay() -> None:
    burst = [event(1, pathname=f"/{name}") for name in "abcd"]
    assert sorted(taken(burst, known())[0]) == [(1, "/a"), (2, "/b"), (3, "/c"), (4, "/d")]


@pytest.mark.parametrize("where", ["tail", "sealed"])
def test_redelivered_event_with_a_moved_id_is_a_duplicate(where: str) -> None:
    moved = event(1, pathname="/moved")
    held = [event(1), event(2, pathname="/moved", timestamp=moved.timestamp)]
    assert taken([moved], known(held) if where == "tail" else known([], held[:1], held[1:])) == ([], 1)


def test_redelivered_event_with_an_id_moved_past_others_is_a_duplicate() -> None:
    burst = [event(1, pathname=f"/{name}") for name in "abc"]
    rows, _, _ = select_new_rows(deliveries([*burst, event(2)]), known(), None)
    held = KnownEvents(rows, {}, NO_SEALED.__getitem__)
    assert taken([*reversed(burst), event(2)], held) == ([], 4)


HIGHEST = 2**63 - 1


@pytest.mark.parametrize("where", ["tail", "sealed", "batch"])
def test_highest_event_id_with_other_content_wraps_to_zero(where: str) -> None:
    first, second, third = event(HIGHEST, **AT), event(HIGHEST, **AT, pathname="/x"), event(0, **AT, pathname="/zero")
    if where == "batch":
        assert sorted(ids([first, second], known())) == [0, HIGHEST]
        return
    held = [first, third]
    assert taken([second], known(held) if where == "tail" else known([], held)) == ([(1, "/x")], 0)
    again = [*held, event(1, **AT, pathname="/x")]
    assert taken([second], known(again) if where == "tail" else known([], again)) == ([], 1)


@pytest.mark.parametrize(
    ("mine", "stored", "same"),
    [
        ('{"a":1000.0,"b":1.5}', '{"a":1e3,"b":1.50}', True),
        ('{"a":0}', '{"a":-0}', True),
        ('{"a":"1"}', '{"a":1}', False),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":1}', "no JSON", False),
        ('{"a":1}', None, False),
    ],
)
def test_properties_are_compared_as_json(mine: str, stored: str | None, same: bool) -> None:
    assert taken([event(1, props=mine)], known([event(1, props=stored)]))[1] == int(same)


def test_derived_columns_are_ignored_in_the_duplicate_check() -> None:
    rows = deliveries([event(1, channel="Direct"), event(2, channel="Direct", city="x"), event(3, channel="Direct")])
    channel = 1 << EVENTS.get_field_index("channel")
    rows = rows.append_column(FILLED, pa.array([channel, channel, 0]))
    rows = rows.append_column(GIVEN_ID, pa.nulls(3, pa.int64()))
    held = known([event(1), event(2, channel="Email"), event(3, channel="Email")])
    fresh, duplicates, _ = select_new_rows(rows, held, None)
    assert [row["timestamp"] for row in fresh.to_pylist()] == [row["timestamp"] for row in rows.to_pylist()[1:]]
    assert not {1, 2, 3} & set(fresh["event_id"].to_pylist())
    assert duplicates == 1
    again, duplicates, _ = select_new_rows(rows, KnownEvents(pa.concat_tables([held.tail, fresh]), {}, nothing), None)
    assert (again.num_rows, duplicates) == (0, 3)


def test_event_with_a_client_id_is_stored_once_for_any_content() -> None:
    first = event(1, named_by_client=True)
    again = event(1, named_by_client=True, pathname="/again", timestamp=first.timestamp + 500)
    assert taken([again], known([first])) == ([], 1)
    assert taken([again], known([], [first])) == ([], 1)
    assert len(taken([first, again], known())[0]) == 1
    assert taken([first, again, again], known())[1] == 2


def test_events_accepted_before_an_erasure_are_not_written() -> None:
    batch = [event(1, accepted_ms=99), event(2, accepted_ms=100), event(3, accepted_ms=101)]
    rows, duplicates, erased = select_new_rows(deliveries(batch), known(), 100)
    assert rows["event_id"].to_pylist() == [2, 3]
    assert (duplicates, erased) == (0, 1)


def test_erasure_compares_the_acceptance_time_of_an_event() -> None:
    assert ids([event(1, accepted_ms=200, timestamp=5), event(2, accepted_ms=50, timestamp=500)], known(), 100) == [1]


def test_erasure_may_remove_every_event_of_a_batch() -> None:
    rows, duplicates, erased = select_new_rows(deliveries(events(1, 2)), known(events(1)), 2**60)
    assert rows.equals(EVENTS.empty_table())
    assert (duplicates, erased) == (0, 2)


def test_erased_event_frees_its_id() -> None:
    assert ids([event(1, accepted_ms=1, pathname="/old"), event(1, accepted_ms=100)], known(), 100) == [1]


def test_segment_erased_after_its_ids_were_read_has_no_duplicates() -> None:
    ids_of_old = rows_of(events(1, 2))["event_id"]
    held = KnownEvents(EVENTS.empty_table(), {"00000": ids_of_old}, lambda _: EVENTS.empty_table())
    assert ids([event(1, pathname="/new")], held) == [1]


def test_a_segment_without_a_later_column_compares_as_null() -> None:
    old = rows_of(events(1, 2)).drop_columns(["engagement_ms", "scroll_depth"])
    held = KnownEvents(old, {}, NO_SEALED.__getitem__)
    assert taken([*events(1, 2), event(2, scroll_depth=5)], held) == ([(3, "/2")], 2)


def test_a_column_of_a_later_version_does_not_matter() -> None:
    later = rows_of(events(1)).append_column("added_later", pa.array(["x"]))
    assert taken(events(1, 2), KnownEvents(later, {}, NO_SEALED.__getitem__)) == ([(2, "/2")], 1)


def test_sealed_segments_are_read_only_for_suspected_duplicates() -> None:
    tables = {"00000": rows_of(events(1, 2)), "00001": rows_of(events(3, 4))}
    read: list[str] = []

    def read_sealed(key: str) -> pa.Table:
        read.append(key)
        return tables[key]

    held = KnownEvents(EVENTS.empty_table(), {key: table["event_id"] for key, table in tables.items()}, read_sealed)
    assert ids(events(10, 11), held) == [10, 11]
    assert read == []
    assert ids(events(3, 10), held) == [10]
    assert read == ["00001"]


def test_money_is_compared_as_money() -> None:
    assert taken([event(1, revenue_amount="2.50")], known([event(1, revenue_amount="2.50")])) == ([], 1)
    rows, _, _ = select_new_rows(
        deliveries([event(1, revenue_amount="2.51")]), known([event(1, revenue_amount="2.5")]), None
    )
    assert rows.to_pylist()[0]["revenue_amount"] == Decimal("2.51")


def test_large_redelivery_is_separated_from_new_events() -> None:
    old, new = range(20_000), range(20_000, 25_000)
    batch = events(*old, *new, *new[:1000])
    rows, duplicates, _ = select_new_rows(deliveries(batch), known(events(*old[::2]), events(*old[1::2])), None)
    assert sorted(rows["event_id"].to_pylist()) == list(new)
    assert duplicates == 21_000
