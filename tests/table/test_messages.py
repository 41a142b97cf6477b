"""Messages as rows: every value and its type, what is broken and why, which partition is whose."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import ascii_lowercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.event import EVENT_ID_EPOCH_MS, Event
from mallard.table.layout import Partition
from mallard.table.messages import find_fault, partitions, read_deliveries
from mallard.table.schema import DELIVERIES, EVENTS
from support.rows import event, events

SOUND = event(1).to_message()

TEXT = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
MONEY = st.none() | st.decimals(
    Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2, allow_nan=False, allow_infinity=False
).map(lambda amount: f"{amount:f}")
MOMENTS_MS = st.integers(0, EVENT_ID_EPOCH_MS * 5)
EVENTS_OF_ANY_KIND = st.builds(
    Event,
    event_id=st.integers(0, 2**63 - 1),
    site_id=st.text(ascii_lowercase + digits + ".-_:", min_size=1, max_size=20),
    date=st.dates().map(date.isoformat),
    accepted_ms=MOMENTS_MS,
    salt=TEXT,
    timestamp=MOMENTS_MS,
    event_name=st.text(st.characters(codec="utf-8"), max_size=20),
    named_by_client=st.booleans(),
    visitor_id=st.none() | st.integers(0, 2**63 - 1),
    revenue_amount=MONEY,
    scroll_depth=st.none() | st.integers(0, 100),
    engagement_ms=st.none() | st.integers(0, 2**31 - 1),
    **{each.name: TEXT for each in EVENTS if each.type == "string" and each.name != "event_name"},
)


def with_value(name: str, value: str) -> bytes:
    """The sound message with one value, as JSON text, in place of its own or added."""
    return SOUND[:-1].replace(f'"{name}":'.encode(), b'"was":') + f',"{name}":{value}}}'.encode()


@given(st.lists(EVENTS_OF_ANY_KIND, max_size=5))
def test_every_value_of_an_event_is_in_its_row(given_events: list[Event]) -> None:
    table = read_deliveries([each.to_message() for each in given_events])
    assert table.schema.names == ["site_id", "date", *DELIVERIES.names]
    for row, each in zip(table.to_pylist(), given_events, strict=True):
        for name in table.schema.names:
            value = getattr(each, name)
            if name == "timestamp":
                value = datetime(1970, 1, 1) + timedelta(milliseconds=value)  # noqa: DTZ001
            if name == "revenue_amount" and value is not None:
                value = Decimal(value)
            assert row[name] == value


def test_rows_have_the_types_of_the_table() -> None:
    table = read_deliveries([SOUND])
    assert table.select(EVENTS.names).schema.equals(EVENTS)
    assert table.select(DELIVERIES.names).schema.equals(DELIVERIES)


def test_empty_message_list_gives_an_empty_table_of_the_schema() -> None:
    assert read_deliveries([]).schema.equals(read_deliveries([SOUND]).schema)
    assert partitions(read_deliveries([])) == []


def test_absent_values_are_null() -> None:
    row = read_deliveries([SOUND]).to_pylist()[0]
    absent = {name for name, value in row.items() if value is None}
    assert {"visitor_id", "props", "revenue_amount", "scroll_depth"} <= absent


def test_money_and_moments_are_exact() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    sent = event(1, revenue_amount="0.10", timestamp=int(moment.timestamp() * 1000))
    row = read_deliveries([sent.to_message()]).to_pylist()[0]
    assert row["revenue_amount"] == Decimal("0.10")
    assert row["timestamp"] == moment.replace(tzinfo=None)


def test_text_resembling_other_types_stays_text() -> None:
    odd = ["2026-01-02T00:00:00Z", "12", "true", "null", "NaN", ""]
    table = read_deliveries([event(n, pathname=text).to_message() for n, text in enumerate(odd)])
    assert table["pathname"].to_pylist() == odd


def test_unknown_message_key_is_ignored() -> None:
    table = read_deliveries([with_value("added_later", '{"deep": [1, 2]}'), SOUND])
    assert "added_later" not in table.column_names
    assert table.num_rows == 2


def test_messages_keep_their_order() -> None:
    sent = [event(number, props=f'{{"text":"{"x" * 400}"}}') for number in range(10_000)]
    table = read_deliveries([each.to_message() for each in sent])
    assert table["event_id"].to_pylist() == list(range(10_000))


def test_large_message_between_small_ones_is_complete() -> None:
    large = event(2, props="y" * 3_000_000)
    table = read_deliveries([SOUND, large.to_message(), SOUND])
    assert table["event_id"].to_pylist() == [1, 2, 1]
    assert table["props"].to_pylist() == [None, large.props, None]


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half an object": SOUND[:-10],
    "two objects": SOUND + SOUND,
    "two lines": SOUND + b"\n" + SOUND,
    "a list": b"[" + SOUND + b"]",
    "a number": b"5",
    "null": b"null",
    "deeper than can be read": b"[" * 100_000,
    "an id too large": with_value("event_id", str(2**63)),
    "an id as text": with_value("event_id", '"1"'),
    "a null id": with_value("event_id", "null"),
    "a null name": with_value("event_name", "null"),
    "a time as text": with_value("timestamp", '"2026-01-02"'),
    "a time with a fraction": with_value("timestamp", "1.5"),
    "a depth too large": with_value("scroll_depth", "40000"),
    "money as a number": with_value("revenue_amount", "1.5"),
    "money that is none": with_value("revenue_amount", '"free"'),
    "money of three places": with_value("revenue_amount", '"1.005"'),
    "money too large": with_value("revenue_amount", '"10000000000.00"'),
    "a list as text": with_value("pathname", "[]"),
    "a key twice": with_value("site_id", '"a","site_id":"b"'),
    **{f"no {name}": with_value(name, "0").replace(f',"{name}":0'.encode(), b"") for name in
       ("site_id", "date", "event_id", "timestamp", "event_name")},
}  # fmt: skip


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_is_explained(body: bytes) -> None:
    assert find_fault(body)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_broken_message_among_valid_ones_is_detected(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_deliveries([SOUND, body, SOUND])


HIDDEN: dict[str, bytes] = {
    "a date that is none": with_value("date", '"2026-02-30"'),
    "a date of another form": with_value("date", '"02.01.2026"'),
    "an empty date": with_value("date", '""'),
    "text that is not UTF-8": with_value("pathname", '"x"').replace(b'"x"', b'"\xff"'),
    "a site that is not UTF-8": with_value("site_id", '"x"').replace(b'"x"', b'"\xff"'),
}


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_message_valid_as_json_but_not_as_an_event_is_explained(body: bytes) -> None:
    assert find_fault(body)


def test_explanation_names_the_missing_field() -> None:
    assert find_fault(with_value("date", "0").replace(b',"date":0', b"")) == "it lacks 'date'"
    assert find_fault(b"[]") == "it is not a JSON object"


@pytest.mark.parametrize(
    "change", [lambda body: body, lambda body: b"  " + body + b"\r\n", lambda body: body.replace(b",", b" ,\t")]
)
def test_valid_message_is_not_broken(change: Callable[[bytes], bytes]) -> None:
    assert find_fault(change(SOUND)) is None


def test_rows_are_grouped_by_site_and_local_date() -> None:
    sent = [
        event(1),
        event(2, site_id="b"),
        event(3, date="2026-01-03"),
        event(4),
        event(5, site_id="b"),
        event(6, site_id="localhost:8000"),
    ]
    groups = partitions(read_deliveries([each.to_message() for each in sent]))
    assert [(partition, indices, rows["event_id"].to_pylist()) for partition, indices, rows in groups] == [
        (Partition("b", date(2026, 1, 2)), [1, 4], [2, 5]),
        (Partition("example.com", date(2026, 1, 2)), [0, 3], [1, 4]),
        (Partition("example.com", date(2026, 1, 3)), [2], [3]),
        (Partition("localhost:8000", date(2026, 1, 2)), [5], [6]),
    ]
    assert all(rows.schema.equals(DELIVERIES) for _, _, rows in groups)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["2026-01-02", "2026-01-03"])), max_size=30))
def test_row_is_in_exactly_one_partition(pairs: list[tuple[str, str]]) -> None:
    sent = [event(number, site_id=site, date=day) for number, (site, day) in enumerate(pairs)]
    groups = partitions(read_deliveries([each.to_message() for each in sent]))
    assert sorted(index for _, indices, _ in groups for index in indices) == list(range(len(pairs)))
    assert len({partition for partition, _, _ in groups}) == len(groups)
    for partition, indices, rows in groups:
        assert indices == rows["event_id"].to_pylist()
        assert {pairs[index] for index in indices} == {(partition.site_id, partition.date.isoformat())}


def test_a_partition_keeps_the_order_of_its_messages() -> None:
    sent = [each.to_message() for each in reversed(events(*range(100)))]
    ((_, indices, rows),) = partitions(read_deliveries(sent))
    assert indices == list(range(100))
    assert rows["event_id"].to_pylist() == list(reversed(range(100)))
