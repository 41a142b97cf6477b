"""What a month costs: the model adds up, and the page says what it computes from the figures it gives."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from bench.cost_model import CALL_MS, PRICES, PRICES_OF, Measured, Month, month, simulate

from mallard.flush.batching import PROMPT_PARTITIONS

PAGE = (Path(__file__).parents[1] / "docs" / "cost.md").read_text("utf-8")
MEASURED = Measured(2.0, 1.0, 0.02, 5.0, 40.0, 4, 3, 2, 6, 20.0)
HALF_AN_HOUR = 1800


def test_idle_month_costs_cents() -> None:
    assert month(MEASURED, 0, 1).total < 0.25


@pytest.mark.parametrize("views", [10_000, 1_000_000])
@pytest.mark.parametrize("front", ["http", "url", "cloudfront"])
def test_cost_grows_with_views_and_sites(views: int, front: str) -> None:
    few = month(MEASURED, views, 10, front=front).total
    assert few < month(MEASURED, 2 * views, 10, front=front).total
    assert few < month(MEASURED, views, 100, front=front).total


def test_cost_includes_the_front_door() -> None:
    url, http, cdn = (month(MEASURED, 1_000_000, 1, front=front).total for front in ("url", "http", "cloudfront"))
    assert http == pytest.approx(url + 1, abs=0.01)
    assert cdn > http + 1


def test_batching_saves_writes_and_loses_no_event() -> None:
    at_once, gathered = simulate(3_000_000, 300, 0), simulate(3_000_000, 300, HALF_AN_HOUR)
    assert (at_once.held, at_once.busy_runs) == (0, gathered.busy_runs)
    assert gathered.partitions < at_once.partitions / 3
    assert simulate(300_000, PROMPT_PARTITIONS, 0) == simulate(300_000, PROMPT_PARTITIONS, HALF_AN_HOUR)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    table = re.search(r"\|.*?(?=\n\n)", PAGE.partition(f"## {heading}\n")[2], re.DOTALL)
    assert table
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def measured() -> Measured:
    found = {name.strip("`"): float(value) for name, value, *_ in rows("Measurements")}
    return Measured(**{each.name: found[each.name] for each in fields(Measured)})


SMALLER = [each for each in rows("Dollars a month") if int(each[0].replace(",", "")) <= 1_000_000]


@pytest.mark.parametrize("row", SMALLER)
def test_documented_monthly_costs_match_the_model(row: list[str]) -> None:
    views, sites = (int(cell.replace(",", "")) for cell in row[:2])
    for cell, front in ((row[2], "http"), (row[4], "url"), (row[6], "cloudfront")):
        assert float(cell) == pytest.approx(month(measured(), views, sites, front=front).total, abs=0.006)


@pytest.mark.parametrize("row", rows("Flush frequency"), ids=lambda row: row[0])
def test_documented_costs_of_each_flush_interval_match_the_model(row: list[str]) -> None:
    minutes = int(row[0])
    paid = [month(measured(), 1e6, 1, front=front, minutes=minutes).total for front in ("http", "url")]
    paid.append(month(measured(), 0, 1, minutes=minutes).total)
    assert [float(cell) for cell in row[1:]] == pytest.approx(paid, abs=0.006)


def test_million_views_meet_the_cost_target_with_a_five_minute_flush() -> None:
    assert month(measured(), 1e6, 1, front="http", minutes=5).total <= 2.00
    assert month(measured(), 1e6, 1, front="url", minutes=5).total <= 1.00


def test_flushes_at_longer_intervals_write_less_and_lose_no_event() -> None:
    each_minute, every_five = (simulate(1e6, 1, 0, minutes) for minutes in (1, 5))
    assert every_five.partitions * 5 == each_minute.partitions
    assert simulate(1e6, 300, HALF_AN_HOUR, 5).partitions <= simulate(1e6, 300, HALF_AN_HOUR).partitions


def test_documented_cost_parts_match_the_model() -> None:
    found = {name: float(dollars) for name, dollars in rows("Cost of a million page views")}
    assert found == pytest.approx(
        {name: getattr(month(measured(), 1e6, 1), name) for name in Month.__slots__}, abs=6e-4
    )


def test_the_page_has_every_price_and_every_assumption() -> None:
    assert PRICES_OF in PAGE
    stated = {name: float(price) for name, price in rows("List prices")}
    assert stated == pytest.approx({name: price * (1 if "GB" in name else 1e6) for name, price in PRICES.items()})
    for name, milliseconds in CALL_MS.items():
        assert re.search(rf"{name}[^.]*{milliseconds:g} ms", PAGE, re.IGNORECASE), name
