"""Metrics of queries in v2's words, computed exactly from measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

from mallard.stats.grouping import Grouping

CENT = Decimal("0.01")

Number: TypeAlias = int | float | None
MeasureValues: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Count:
    """A measure as it is."""

    measure: str

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures it is made of."""
        return (self.measure,)

    @property
    def sql(self) -> str:
        """An expression that orders rows as ``value`` does."""
        return self.measure

    def value(self, row: MeasureValues) -> Number:
        """The number of one row."""
        return int(row[self.measure])


@dataclass(frozen=True, slots=True)
class Ratio:
    """``part * scale / (whole * divisor)``, rounded half up to ``decimals``; ``empty`` where ``whole`` is 0.

    In whole numbers throughout, so that SQL and Python agree on each digit.
    """

    part: str
    whole: str
    scale: int = 1
    divisor: int = 1
    decimals: int = 0
    empty: Number = 0

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures it is made of."""
        return (self.part, self.whole)

    @property
    def sql(self) -> str:
        """An expression that orders rows as ``value`` does."""
        empty = "NULL" if self.empty is None else "0"
        numerator, denominator = 2 * self.scale * 10**self.decimals, 2 * self.divisor
        whole = f"CAST({self.whole} AS HUGEINT)"
        return (
            f"CASE WHEN {self.whole} = 0 THEN {empty} ELSE"
            f" (CAST({self.part} AS HUGEINT) * {numerator} + {whole} * {self.divisor})"
            f" // ({whole} * {denominator}) END"
        )

    def value(self, row: MeasureValues) -> Number:
        """The number of one row."""
        part, whole = int(row[self.part]), int(row[self.whole])
        return ratio(part, whole * self.divisor, self.scale, self.decimals, self.empty)


def ratio(part: int, whole: int, scale: int = 1, decimals: int = 0, empty: Number = 0) -> Number:
    """``part * scale / whole``, rounded half up to so many decimals; ``empty`` where ``whole`` is 0."""
    if not whole:
        return float(empty) if empty is not None and decimals else empty
    rounded: int = (2 * part * scale * 10**decimals + whole) // (2 * whole)
    return rounded / 10**decimals if decimals else rounded


@dataclass(frozen=True, slots=True)
class Money:
    """Revenue in all or on average of a payment; None where there is none, or in several currencies."""

    is_average: bool

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures it is made of."""
        return ("revenue", "currency_low", "currency_high", "payments")

    @property
    def sql(self) -> str:
        """An expression that orders rows as ``value`` does."""
        # Cents, rounded as in ``value``: half away from zero.
        amount = "round(CAST(revenue * 100 AS HUGEINT) / payments)" if self.is_average else "revenue"
        return f"CASE WHEN payments > 0 AND currency_low = currency_high THEN {amount} END"

    def value(self, row: MeasureValues) -> dict[str, Any] | None:
        """``{"value", "currency", "short", "long"}`` of one row."""
        if not row["payments"] or row["currency_low"] != row["currency_high"]:
            return None
        amount = row["revenue"]
        if self.is_average:
            amount = (amount / row["payments"]).quantize(CENT, ROUND_HALF_UP)
        return shown_money(amount, row["currency_low"])


def shown_money(amount: Decimal, currency: str) -> dict[str, Any]:
    """``{"value", "currency", "short", "long"}`` of an amount, such as ``$1.2K`` and ``$1,234.50``."""
    symbol, decimals = (
        SYMBOLS.get(currency, f"{currency} " if currency else ""),
        0 if currency in WHOLE_CURRENCIES else 2,
    )
    sign, size = "-" if amount < 0 else "", abs(amount)
    long = f"{size:,.{decimals}f}"
    unit, letter = next(((unit, letter) for unit, letter in UNITS if size >= unit), (1, ""))
    short = f"{(size / unit).quantize(Decimal('0.1'), ROUND_DOWN).normalize():f}{letter}" if letter else long
    return {
        "value": float(amount),
        "currency": currency,
        "short": f"{sign}{symbol}{short}",
        "long": f"{sign}{symbol}{long}",
    }


SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "UAH": "₴"}
"""Signs that stand for one currency in English; others are written as their code."""

WHOLE_CURRENCIES = frozenset({"JPY", "KRW", "CLP", "VND", "ISK", "UGX", "XAF", "XOF", "PYG", "RWF"})
"""Currencies without a minor unit."""

UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "K"))

Formula: TypeAlias = Count | Ratio | Money

_FORMULAS: Mapping[str, Formula] = {
    "visitors": Count("visitors"),
    "visits": Count("visits"),
    "pageviews": Count("pageviews"),
    "events": Count("events"),
    "bounce_rate": Ratio("bounces", "landings", scale=100),
    # Seconds.
    "visit_duration": Ratio("duration_ms", "visits", divisor=1000),
    "views_per_visit": Ratio("visit_pageviews", "visits", decimals=2),
    # Percent of the page, of the visits whose script tells it.
    "scroll_depth": Ratio("scroll_total", "scrolled_visits", empty=None),
    # Seconds.
    "time_on_page": Ratio("engaged_ms", "engaged_visits", divisor=1000, empty=None),
    "total_revenue": Money(is_average=False),
    "average_revenue": Money(is_average=True),
}

SHARES = {
    "percentage": _FORMULAS["visitors"],
    "conversion_rate": _FORMULAS["visitors"],
    "group_conversion_rate": _FORMULAS["visitors"],
    "exit_rate": _FORMULAS["visits"],
}
"""Metrics that are a part of what another grouping counts, and the formula of their numerator: visitors of the query,
of all whatever the goal, of the same group; pageviews of the exit page."""

QUERY_METRICS = (*_FORMULAS, *SHARES)

OF_WHOLE_VISITS = frozenset({"bounce_rate", "visit_duration", "views_per_visit"})
"""Metrics that no single event tells."""

OF_PINGS = frozenset({"scroll_depth", "time_on_page"})
"""Metrics of engagement pings, which have a page and a visit, and no name or goal."""

POINTS = frozenset(
    {"bounce_rate", "scroll_depth", "conversion_rate", "group_conversion_rate", "percentage", "exit_rate"}
)
"""Percentages, whose change is a difference."""

_ACTIVE_VISITS = Count("active_visits")


def formula(metric: str, dimensions: tuple[str, ...]) -> Formula:
    """The formula of a metric by these dimensions; that of a share is its visitors."""
    if metric in SHARES:
        return SHARES[metric]
    if metric == "visits" and not Grouping(dimensions).is_of_visits:
        return _ACTIVE_VISITS
    return _FORMULAS[metric]


def is_mixed(metric: str, row: MeasureValues) -> bool:
    """True where a metric is None as the payments of a row have several currencies."""
    return isinstance(_FORMULAS.get(metric), Money) and row["currency_low"] != row["currency_high"]
