"""Amounts as people and shop templates write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.ingest.amount import currency_of, read_amount, two_places


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("49.99", "49.99"),
        ("49,99", "49.99"),
        ("49", "49.00"),
        (" 49.9 ", "49.90"),
        ("1,299.00", "1299.00"),
        ("1.299,00 €", "1299.00"),
        ("€49", "49.00"),
        ("€ 49,95 EUR", "49.95"),
        ("$1,299.00 USD", "1299.00"),
        ("US$12", "12.00"),
        ("R$ 49,90", "49.90"),
        ("1 299,00", "1299.00"),
        ("1\u00a0299,00\u00a0€", "1299.00"),
        ("1\u202f299,00 €", "1299.00"),
        ("1'299.00", "1299.00"),
        ("1’299.00", "1299.00"),
        ("CHF 12.50", "12.50"),
        ("12.50 chf", "12.50"),
        ("Rs. 1,29,900.00", "129900.00"),
        ("12,34,567", "1234567.00"),
        ("1,299,000", "1299000.00"),
        ("1.299.000", "1299000.00"),
        ("1 299", "1299.00"),
        ("1'299", "1299.00"),
        ("49,95 kr", "49.95"),
        ("49,95 kr.", "49.95"),
        ("49,95 zł", "49.95"),
        ("49,- €", "49.00"),
        ("CHF 49.–", "49.00"),
        ("49,--", "49.00"),
        ("-49.99", "-49.99"),
        ("−49.99 €", "-49.99"),
        ("-€49", "-49.00"),
        ("€-49", "-49.00"),
        ("+5", "5.00"),
        (".99", "0.99"),
        ("0.125", "0.12"),
        ("0.135", "0.14"),
        ("1234.567", "1234.57"),
        ("49.9999", "50.00"),
        ("٤٩٫٥٠", "49.50"),
        ("４９.９５", "49.95"),
        ("\u200e49.95\u200e", "49.95"),
        ("-0", "0.00"),
        (49, "49.00"),
        (49.999, "50.00"),
        (2.675, "2.68"),
        (2.665, "2.66"),
        (1.299, "1.30"),
        (-0.0, "0.00"),
        (Decimal("0.125"), "0.12"),
        (9_999_999_999.99, "9999999999.99"),
    ],
)
def test_read_amount_reads_unambiguous_amounts(written: object, amount: str) -> None:
    assert str(read_amount(written)) == amount


@pytest.mark.parametrize(
    "written",
    [
        "1,299",
        "1.299",
        "$1,299",
        "12.345 €",
        "1,2,3",
        "1,299,00",
        "1.299.00",
        "1.299.000.00",
        "1,29.900",
        "1 29",
        "1 299 00",
        "",
        " ",
        "€",
        ".",
        "-",
        "49..99",
        "49.",
        "--49",
        "49-49",
        "49 pcs",
        "49k",
        "49%",
        "1e3",
        "49⁹⁹",
        "free",
        "from 49",
        "0x10",
        "NaN",
        "Infinity",
        "9999999999.999",
        "1" * 65,
        "10000000000",
        10**10,
        -(10**10),
        1e300,
        10**5000,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        True,
        None,
        [],
        {},
    ],
    ids=lambda value: str(type(value)) if value == 10**5000 else repr(value)[:20],
)
def test_read_amount_refuses_invalid_or_ambiguous_amounts(written: object) -> None:
    assert read_amount(written) is None


def grouped(amount: Decimal, groups: str, point: str) -> str:
    return f"{amount:,.2f}".replace(",", "\0").replace(".", point).replace("\0", groups)


@given(
    st.decimals(0, 9_999_999_999, places=2),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("\u00a0", ","), ("", "."), ("", ",")]),
    st.sampled_from(["{}", "€{}", "{} €", "CHF {}", "${} USD", "kr {}"]),
)
def test_read_amount_reads_every_written_form_back(amount: Decimal, marks: tuple[str, str], form: str) -> None:
    assert read_amount(form.format(grouped(amount, *marks))) == amount


@given(st.text(max_size=70))
def test_read_amount_gives_two_places_or_none_for_any_text(text: str) -> None:
    found = read_amount(text)
    assert found is None or (found.as_tuple().exponent == -2 and abs(found) < 10**10)


def test_two_places_rounds_half_even() -> None:
    assert [str(two_places(Decimal(each))) for each in ("0.005", "0.015", "-0.025")] == ["0.00", "0.02", "-0.02"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CHF 12.50", "CHF"),
        ("$1,299.00 usd", "USD"),
        ("49 €", "EUR"),
        ("€49 EUR", "EUR"),
        ("$49", None),
        ("49 kr", None),
    ],
)
def test_currency_of_finds_a_code_or_the_euro_sign(text: str, code: str | None) -> None:
    assert currency_of(text) == code


def test_currency_of_finds_none_when_two_are_named() -> None:
    assert currency_of("€49 USD") is None
