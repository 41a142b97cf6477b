"""What each row of an import becomes, and why one is not taken."""

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from mallard.table.schema import EVENTS
from transfer.files import checked

MOMENT = "2026-01-02T12:00:00Z"


def row_of(**given: Any) -> dict[str, Any]:
    """The one row of a file with one line."""
    (row,), refused = checked(json.dumps({"timestamp": MOMENT, "event_name": "pageview"} | given).encode())
    assert refused == []
    return row


def rows_of(name: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows of one file whose lines have these values of a column."""
    lines = [json.dumps({"timestamp": MOMENT, "event_name": "pageview"} | {name: each}) for each in values]
    rows, refused = checked("\n".join(lines).encode())
    assert refused == []
    return rows


def refusal_of(**given: Any) -> str:
    line = {"timestamp": MOMENT, "event_name": "pageview"} | given
    rows, refused = checked(json.dumps({key: each for key, each in line.items() if each != "absent"}).encode())
    assert rows == []
    assert len(refused) == 1
    return refused[0]


def test_a_moment_is_read_as_utc_milliseconds() -> None:
    milliseconds: dict[Any, int] = {
        "2026-01-02T12:00:00Z": 0,
        "2026-01-02T12:00:00.1239999Z": 123,
        "2026-01-02T14:00:00+02:00": 0,
        "2026-01-02T06:30:00-0530": 0,
        "2026-01-02 12:00": 0,
        "2026-01-02t12:00:00z": 0,
        1767355200: 0,
        1767355200.5: 500,
        1767355200123: 123,
        "1767355200123": 123,
        "1.767355200123e12": 123,
    }
    read = [row["timestamp"].isoformat(timespec="milliseconds") for row in rows_of("timestamp", [*milliseconds])]
    assert read == [f"2026-01-02T12:00:00.{each:03d}" for each in milliseconds.values()]


def test_a_row_belongs_to_its_utc_date() -> None:
    row = row_of(timestamp="2026-01-02T00:30:00+01:00", date="2026-01-02")
    assert str(row["date"]) == "2026-01-01"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"event_name": "absent"}, "event_name is missing."),
    ({"event_name": " "}, "event_name is empty."),
    ({"event_name": "é" * 257}, "event_name is over 256 characters."),
    ({"timestamp": "absent"}, "timestamp is missing."),
    ({"timestamp": ""}, "timestamp is missing."),
    ({"timestamp": "yester\nday"}, "timestamp is 'yester day', but must be like 2026-01-31T12:00:00Z"),
    ({"timestamp": "2026-02-30T00:00:00Z"}, "timestamp is '2026-02-30T00:00:00Z', but must be like"),
    ({"timestamp": "infinity"}, "timestamp is 'infinity', but must be like"),
    ({"timestamp": "1e400"}, "timestamp is '1e400', but must be like"),
    ({"timestamp": "2026-02-03T00:00:01Z"}, "which is before 1970 or in the future."),
    ({"timestamp": -1}, "which is before 1970 or in the future."),
    ({"timestamp": 99999999999999999}, "which is before 1970 or in the future."),
    ({"pathname": "/" + "a" * 2048}, "pathname is over 2048 characters."),
    ({"referrer": "https://x.example/" + "a" * 2048}, "referrer is over 2048 characters."),
    ({"city": "a" * 257}, "city is over 256 characters."),
    ({"city": "a\0b"}, "it holds a NUL character."),
    ({"url": "example.com"}, "url must be a full URL, or a path that begins with /"),
    ({"event_id": -1}, "event_id is '-1', but must be a whole number of at most 63 bits."),
    ({"event_id": 2**63}, "event_id is '9223372036854775808', but must be"),
    ({"event_id": "a"}, "event_id is 'a', but must be"),
    ({"visitor_id": "joe"}, "visitor_id is 'joe', but must be a whole number of at most 63 bits; any text may"),
    ({"device_type": "watch"}, "device_type is 'watch', but must be desktop, mobile or tablet."),
    ({"props": "[1]"}, "props is not a JSON object."),
    ({"props": "{"}, "props is not JSON."),
    ({"props": {str(n): n for n in range(31)}}, "props has over 30 properties."),
    ({"props": {"a": "b" * 4096}}, "props is over 4096 characters."),
    ({"revenue_amount": "1,299"}, "revenue_amount is '1,299', but must be a number below 10000000000"),
    ({"revenue_amount": 1e10}, "revenue_amount is '10000000000.0', but must be a number below 10000000000"),
    ({"revenue_currency": "EURO"}, "revenue_currency is 'EURO', but must be an ISO 4217 code such as EUR."),
    ({"scroll_depth": 101}, "scroll_depth is '101', but must be a whole number from 0 to 100."),
    ({"scroll_depth": 5.5}, "scroll_depth is '5.5', but must be a whole number from 0 to 100."),
    ({"engagement_ms": -5}, "engagement_ms is '-5', but must be a whole number from 0 to 86400000."),
    ({"hour_order": 2**62}, f"hour_order is '{2**62}', but must be a whole number of at most 62 bits"),
    ({"hour_order": "x"}, "hour_order is 'x', but must be a whole number of at most 62 bits"),
    ({"interactive": 0}, "interactive is '0', but must be true or false."),
]


def test_a_wrong_value_is_refused_with_its_line() -> None:
    lines = [{"timestamp": MOMENT, "event_name": "pageview"} | given for given, _ in WRONG]
    texts = [json.dumps({key: each for key, each in line.items() if each != "absent"}) for line in lines]
    rows, refused = checked("\n".join(texts).encode())
    assert rows == []
    for number, ((_, sentence), refusal) in enumerate(zip(WRONG, refused, strict=True), 1):
        assert refusal.startswith(f"line {number}: ")
        assert sentence in refusal


# Checks that whole columns already pass are left out of the statement.
@pytest.mark.parametrize(("given", "sentence"), [*WRONG[2:27:6], *WRONG[15:16]], ids=lambda value: str(value)[:40])
def test_a_wrong_value_in_a_file_of_one_line_is_refused(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal_of(**given)


def test_row_needs_a_site_id_without_the_site_option() -> None:
    line = json.dumps({"timestamp": MOMENT, "event_name": "x"}).encode()
    assert checked(line, site_id=None) == ([], ["line 1: site_id is missing, and no site is named for all rows."])


@pytest.mark.parametrize("site_id", ["a b", "..", "a/b", "a" * 201, ":" * 150, "é"])
def test_row_with_an_invalid_site_id_is_refused(site_id: str) -> None:
    line = json.dumps({"timestamp": MOMENT, "event_name": "x", "site_id": site_id}).encode()
    rows, (refused,) = checked(line, site_id=None)
    assert rows == []
    assert "site_id " in refused


def test_site_option_overrides_the_site_id_of_rows() -> None:
    line = json.dumps({"timestamp": MOMENT, "event_name": "x", "site_id": "Other.example"}).encode()
    assert checked(line)[0][0]["site_id"] == "example.com"
    assert checked(line, site_id=None)[0][0]["site_id"] == "other.example"


def test_visitor_name_is_hashed_per_site_and_spans_days() -> None:
    row = row_of(visitor="joe")
    digest = hashlib.sha256(b"example.com|joe").digest()
    assert row["visitor_id"] == int.from_bytes(digest[:8], "big") >> 1
    assert row["spans_days"] is True


def test_given_visitor_id_is_kept_and_does_not_span_days() -> None:
    row = row_of(visitor_id=2**63 - 1, visitor="joe")
    assert (row["visitor_id"], row["spans_days"]) == (2**63 - 1, False)


def test_row_without_a_visitor_has_no_visitor_id() -> None:
    row = row_of()
    assert (row["visitor_id"], row["spans_days"]) == (None, False)


def test_missing_host_path_and_campaign_are_derived_from_the_url() -> None:
    row = row_of(url="https://WWW.example.com/a%20b?utm_source=nl&utm_term=x", utm_term="own")
    assert (row["hostname"], row["pathname"]) == ("www.example.com", "/a b")
    assert (row["utm_source"], row["utm_term"]) == ("nl", "own")


def test_hostname_defaults_to_the_site() -> None:
    assert row_of()["hostname"] == "example.com"


def test_missing_source_is_derived_from_the_referrer_like_live_events() -> None:
    row = row_of(referrer="https://joe:secret@www.google.de/search?q=x#top")
    assert (row["referrer"], row["referrer_source"]) == ("https://www.google.de/search?q=x", "Google")
    inner = row_of(referrer="https://example.com/before")
    assert (inner["referrer"], inner["referrer_source"], inner["channel"]) == (None, None, "Direct")


def test_missing_channel_is_derived_from_campaign_and_referrer() -> None:
    assert row_of()["channel"] == "Direct"
    assert row_of(referrer="https://www.google.de/")["channel"] == "Organic Search"
    assert row_of(utm_source="nl", utm_medium="email")["channel"] == "Email"
    assert row_of(url="https://example.com/?utm_source=nl&utm_medium=email")["channel"] == "Email"


def test_row_with_a_channel_and_no_referrer_is_unchanged() -> None:
    data = b"\n".join(
        json.dumps({"timestamp": MOMENT, "event_name": "x", "utm_source": "nl"} | each).encode()
        for each in ({"channel": "Email"}, {})
    )
    (whole, bare), _ = checked(data)
    assert (whole["referrer_source"], whole["channel"]) == (None, "Email")
    assert bare["referrer_source"] == "nl"


def test_a_given_source_is_kept_with_its_referrer() -> None:
    row = row_of(referrer="app://reader", referrer_source="Reader", channel="Apps")
    assert (row["referrer"], row["referrer_source"], row["channel"]) == ("app://reader", "Reader", "Apps")


@pytest.mark.parametrize(
    ("width", "device"), [("767", "mobile"), (768, "tablet"), (1024, "desktop"), ("1024x768", None), (None, None)]
)
def test_missing_device_is_derived_from_the_width(width: Any, device: str | None) -> None:
    assert row_of(screen_size=width)["device_type"] == device


def test_a_given_device_is_kept() -> None:
    assert row_of(screen_size=300, device_type="Desktop")["device_type"] == "desktop"


def test_properties_are_stored_like_those_of_ingest() -> None:
    stored: list[tuple[Any, str | None]] = [
        ({"plan": "pro", "n": 1}, '{"plan":"pro","n":1}'),
        ('{"plan":"pro"}', '{"plan":"pro"}'),
        ('{"a": 1, "b": null, "c": {"d": [1]}}', '{"a":1,"c":"{\\"d\\":[1]}"}'),
        ('{"a":1e3,"b":1.50,"c":-0,"d":-0.0}', '{"a":1000,"b":1.5,"c":0,"d":0}'),
        ('{"a":0.00001,"b":1e22,"c":12345678901234567.0}', '{"a":1e-05,"b":1e+22,"c":1.2345678901234568e+16}'),
        ('{"a":1.25,"b":-7,"c":100.0}', '{"a":1.25,"b":-7,"c":100}'),
        ('{"a":"x\\/y"}', '{"a":"x/y"}'),
        ('{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'),
        ({"a": {"b": None}}, '{"a":"{\\"b\\":null}"}'),
        ('{"a":"\\u00e9"}', '{"a":"é"}'),
        ("{}", None),
        ("", None),
        (None, None),
    ]
    assert [row["props"] for row in rows_of("props", [given for given, _ in stored])] == [text for _, text in stored]


def test_absent_properties_of_all_rows_are_none() -> None:
    assert row_of(props=None)["props"] is None


def test_numbers_may_be_text_and_money_has_two_places() -> None:
    row = row_of(revenue_amount="12.345", revenue_currency="eur", scroll_depth="50.0", engagement_ms=1e3)
    assert (row["revenue_amount"], row["revenue_currency"]) == (Decimal("12.34"), "EUR")
    assert (row["scroll_depth"], row["engagement_ms"]) == (50, 1000)


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("signup", "False", False),
        ("signup", False, False),
        ("signup", True, None),
        ("signup", "", None),
        ("pageview", False, None),
        ("engagement", False, None),
    ],
)
def test_only_events_that_are_not_interactive_are_marked(name: str, given: Any, stored: bool | None) -> None:
    assert row_of(event_name=name, interactive=given)["interactive"] is stored


def test_amount_is_rounded_half_to_even_like_at_ingest() -> None:
    stored: list[tuple[Any, str]] = [
        ("12.345", "12.34"),
        ("12.355", "12.36"),
        (-0.125, "-0.12"),
        (0.375, "0.38"),
        ("2.675", "2.68"),
        ("1e3", "1000.00"),
        ("+5.", "5.00"),
        ("-0", "0.00"),
        ("9999999999.994", "9999999999.99"),
    ]
    read = [row["revenue_amount"] for row in rows_of("revenue_amount", [given for given, _ in stored])]
    assert read == [Decimal(amount) for _, amount in stored]


@pytest.mark.parametrize("given", ["9999999999.995", "1e400", "nan", "1_0", "-", "1e9999999999999999999"])
def test_invalid_or_too_large_amount_is_refused(given: str) -> None:
    assert "revenue_amount is " in refusal_of(revenue_amount=given)


def test_url_names_the_source_like_live_events() -> None:
    assert row_of(url="https://example.com/?ref=hackernews")["referrer_source"] == "Hacker News"
    assert row_of(url="https://example.com/?gclid=1")["channel"] == "Paid Search"


def test_given_event_id_is_kept_and_is_not_a_client_id() -> None:
    row = row_of(event_id=5, hostname="example.com", channel="Direct")
    assert (row["event_id"], row["named_by_client"]) == (5, False)


def test_event_id_derived_from_content_counts_as_a_client_id() -> None:
    assert row_of()["named_by_client"] is True
    assert row_of(event_id=5)["named_by_client"] is False


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ({"hostname": "example.com", "channel": "Direct"}, {"referrer_source", "device_type"}),
        ({"url": "https://a.example/", "channel": "Direct", "device_type": "mobile"}, {"referrer_source"}),
        ({"referrer_source": "Google", "screen_size": 300}, {"hostname", "channel", "device_type"}),
        ({"referrer": "https://example.com/x"}, {"hostname", "referrer", "referrer_source", "channel", "device_type"}),
    ],
)
def test_row_with_an_id_lists_its_derived_columns(given: dict[str, Any], filled: set[str]) -> None:
    bits = row_of(event_id=5, **given)["filled"]
    assert {name for bit, name in enumerate(EVENTS.names) if bits >> bit & 1} == filled


def ids_of(lines: list[dict[str, Any]], site_id: str | None = "example.com") -> list[int]:
    """The ids made for lines without one, which all have the number 1."""
    files = [json.dumps({"timestamp": MOMENT, "event_name": "x"} | each).encode() for each in lines]
    return [checked(file, site_id=site_id)[0][0]["event_id"] for file in files]


def test_derived_event_id_depends_on_the_column_of_a_value() -> None:
    same = [{"city": "x"}, {"region": "x"}, {"browser": "x"}, {"city": "x\x1fregion=y"}, {"city": "x", "region": "y"}]
    assert len(set(ids_of([*same, {"city": "", "region": "x"}, {"visitor": "x"}]))) == 7


def test_derived_event_id_is_the_same_for_any_site_option() -> None:
    bare: dict[str, Any] = {}
    named = {"site_id": "Example.COM"}
    assert len({*ids_of([named], None), *ids_of([named]), *ids_of([bare]), *ids_of([{"site_id": "b.example"}])}) == 1


def test_event_id_is_derived_from_content_position_and_site_when_missing() -> None:
    line = json.dumps({"timestamp": MOMENT, "event_name": "x"}).encode()
    (first, second), _ = checked(line + b"\n" + line)
    assert first["event_id"] != second["event_id"]
    assert all(0 <= row["event_id"] < 2**63 for row in (first, second))
    assert checked(line)[0][0]["event_id"] == first["event_id"]
    assert checked(line, site_id="other.example")[0][0]["event_id"] != first["event_id"]
