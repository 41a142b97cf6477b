"""SQL of a funnel over ``visitor_events``, composed of ``sql/funnel_*.sql``.

What it means is ClickHouse's ``windowFunnel``, whose events stand in the order of their moments and, within a moment,
of their steps. docs/behaviour.md says it in words.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mallard.reports.behaviour.sql_texts import sql_file

STRICT_ORDER, STRICT_INCREASE, STRICT_ONCE = "strict_order", "strict_increase", "strict_once"
STRICT_DEDUPLICATION, ALLOW_REENTRY = "strict_deduplication", "allow_reentry"
PLACES = 64
"""Of a moment: one for each step, and one before."""

MODES = (STRICT_ORDER, STRICT_INCREASE, STRICT_ONCE, STRICT_DEDUPLICATION, ALLOW_REENTRY)


@dataclass(frozen=True)
class FunnelSql:
    """``some`` and ``mask`` are SQL over the row ``event``: whether it is one of the ``steps``, and which, a bit each.

    ``modes`` are of MODES. ``by_value``: each value of ``visitor_events`` has a funnel of its own. ``currencies`` by
    the number of a step, from 1, are the names of bound values: its payments in that currency are summed.
    ``some_event``: which rows come one after the other, whether they are a step or not.
    """

    steps: int
    some: str
    mask: str
    window_ms: int
    modes: frozenset[str] = field(default_factory=frozenset)
    by_value: bool = False
    currencies: Mapping[int, str] = field(default_factory=dict)
    some_event: str = "true"

    def __str__(self) -> str:
        """A SELECT whose rows are ``value, step, visitors``: how many reached at least that step.

        With currencies also ``cents``: the payments of all events that are the step, in order and within the window.
        """
        ctes, counts = self._all_ways() if self._needs_all_ways else self._plain()
        # Reading all of it keeps DuckDB from evaluating the conditions of the steps twice.
        counts.append(self._count("0", "met"))
        return "WITH " + ",\n".join(each.strip() for each in ctes) + "\n" + "UNION ALL\n".join(counts)

    def _plain(self) -> tuple[list[str], list[str]]:
        """The first way through for all; all ways for those whose first one took too long."""
        ctes = [self._met(), self._fill("funnel_begin"), *(self._fill("funnel_first", step) for step in self._later)]
        counts = [self._count("1", "first_1")]
        if self._later:
            ctes += [self._fill("funnel_open", firsts=self._rows("first", self._later, ", begun")), *self._levels()]
            settled = f"({self._rows('first', self._later)}) ANTI JOIN late USING ({self._keys})"
            open_ = f"(SELECT DISTINCT {self._keys}, step FROM ({self._rows('level', self._later)}))"  # noqa: S608  # ours
            counts += [self._count("step", settled), self._count("step", open_)]
        return ctes, counts

    def _all_ways(self) -> tuple[list[str], list[str]]:
        """All ways for all, and where each visitor's funnel ends before its time."""
        steps = (1, *self._later)
        levels = self._rows("level", steps, ", event_id")
        ctes = [self._met(), self._fill("funnel_all_open"), *self._levels()]
        ctes.append(self._fill("funnel_reached", levels=levels))
        ends, kept = list(self._ends()), ""
        if ends:
            ctes.append(self._fill("funnel_ends", ends="UNION ALL\n".join(ends)))
            kept = f" LEFT JOIN ended USING ({self._keys}) WHERE ended.place IS NULL OR here.place <= ended.place"
        counts = [self._count("step", f"reached AS here{kept}")]
        if self.currencies:
            paid = self._rows("level", steps, f", us * {PLACES} + {{step}} AS place, cents")
            counts.append(sql_file("funnel_paid").format(value=self._value, rows=f"({paid}) AS here{kept}"))
        return ctes, counts

    def _met(self) -> str:
        # An event that is no step means something where steps must follow one another.
        met = self.some_event if STRICT_ORDER in self.modes else self.some
        return self._fill("funnel_met", mask=self.mask, any=met)

    def _levels(self) -> list[str]:
        if STRICT_ONCE in self.modes:
            begin = [self._fill("funnel_classes"), self._fill("funnel_once_1")]
            return [*begin, *(self._fill("funnel_once", step) for step in self._later)]
        return [self._fill("funnel_level_1"), *(self._fill("funnel_level", step) for step in self._later)]

    def _ends(self) -> Iterator[str]:
        if STRICT_DEDUPLICATION in self.modes:
            yield self._fill("funnel_repeated")
        if STRICT_ORDER in self.modes:
            yield self._fill("funnel_strange")
        if STRICT_ORDER in self.modes and ALLOW_REENTRY not in self.modes:
            yield from (self._fill("funnel_early", step) for step in self._later)

    def _rows(self, table: str, steps: Iterable[int], more: str = "") -> str:
        """UNION of the tables of several steps."""
        return "UNION ALL\n".join(
            self._fill("funnel_rows", step, table=table, more=more.format(step=step)) for step in steps
        )

    def _count(self, step: str, rows: str) -> str:
        cents = ", 0::BIGINT AS cents" if self.currencies else ""
        return sql_file("funnel_count").format(value=self._value, step=step, rows=rows, cents=cents)

    def _payments(self) -> str:
        """The columns of events that are paid in a currency of some step."""
        paid = "CASE WHEN revenue_currency = ${} THEN CAST(round(revenue_amount * 100) AS BIGINT) ELSE 0 END"
        return "".join(f", {paid.format(name)} AS cents_{step}" for step, name in self.currencies.items())

    def _cents(self, step: int) -> str:
        """The column of a level that has the payments of its events."""
        if not self.currencies:
            return ""
        return f", coalesce(cents_{step}, 0) AS cents" if step in self.currencies else ", 0::BIGINT AS cents"

    def _fill(self, name: str, step: int = 1, **texts: str) -> str:
        increases = STRICT_INCREASE in self.modes
        return sql_file(name).format(
            keys=self._keys,
            event_keys=", ".join(f"event.{each}" for each in self._key_names),
            same_visitor=self._same("before"),
            same_reached=self._same("reached"),
            same_begun=self._same("begun"),
            step=step,
            before=step - 1,
            bit=1 << (step - 1),
            # Rounded times are ordered within a millisecond.
            window_us=self.window_ms * 1000 + 999,
            order=", event_id" if self._needs_all_ways else "",
            event_order=", event.event_id" if self._needs_all_ways else "",
            payments=self._payments(),
            cents=self._cents(step),
            places=PLACES,
            increase=" AND event.us > before.us" if increases else "",
            same_moment=str(not increases).lower(),
            **texts,
        )

    def _same(self, other: str) -> str:
        return " AND ".join(f"event.{each} = {other}.{each}" for each in self._key_names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of events that are read besides those of the steps."""
        ids = ("event_id",) if self._needs_all_ways else ()
        money = ("revenue_amount", "revenue_currency") if self.currencies else ()
        return ("hour_order", *ids, *money)

    @property
    def _needs_all_ways(self) -> bool:
        """True where the first way through does not tell all: under a mode, or as each payment counts."""
        return bool(self.modes or self.currencies)

    @property
    def _value(self) -> str:
        return "value" if self.by_value else "CAST(NULL AS VARCHAR) AS value"

    @property
    def _later(self) -> range:
        return range(2, self.steps + 1)

    @property
    def _key_names(self) -> tuple[str, ...]:
        return ("value", "visitor_id") if self.by_value else ("visitor_id",)

    @property
    def _keys(self) -> str:
        return ", ".join(self._key_names)
