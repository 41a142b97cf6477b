"""Realistic traffic of any size, as tables like those of a flush."""

import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from mallard.demo.choice import Choice, Floats, Index, Ints
from mallard.demo.rhythm import DAY_MS, split_events
from mallard.demo.sources import ORIGINS
from mallard.demo.visits import KINDS, PATHS, Rows, draw_rows
from mallard.demo.world import COUNTRIES, EURO_COUNTRIES, MACHINES
from mallard.event import ENGAGEMENT, EVENT_ID_EPOCH_MS, EVENT_ID_RANDOM_BITS, to_ms
from mallard.normalize.names import stored_width
from mallard.table.schema import EVENTS, RARE

# As text, since only the type stubs have a parameter of Array.
Column: TypeAlias = "pa.Array[Any]"

BATCH_ROWS = 262_144
"""Rows of a table: as many as a segment has."""

CROWD_ROWS = 5_000_000
"""Rows of a date that are drawn together; the visitors of a busier date come in several crowds of equal size."""

_GPC_SHARE = 0.02
_WWW_SHARE = 0.05
_IDS_PER_MS = 1 << EVENT_ID_RANDOM_BITS


def _falling(length: int) -> list[float]:
    return [1 / rank for rank in range(1, length + 1)]


_MACHINE = Choice([[machine.weight for machine in MACHINES]])
_BROWSER = Choice([[weight for weight, _, _ in machine.browsers] for machine in MACHINES])
_BROWSERS = [(name, versions) for machine in MACHINES for _, name, versions in machine.browsers]
_BROWSER_VERSION = Choice([_falling(len(versions)) for _, versions in _BROWSERS])
_WIDTH = Choice([_falling(len(machine.widths)) for machine in MACHINES])

_COUNTRY = Choice([[country.weight for country in COUNTRIES]])
_CITY = Choice([[weight for weight, _, _ in country.cities] for country in COUNTRIES])
_CITIES = [(region, city) for country in COUNTRIES for _, region, city in country.cities]
_LANGUAGE = Choice([[weight for weight, _ in country.languages] for country in COUNTRIES])

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")

_IS_PING = np.array([kind.name == ENGAGEMENT for kind in KINDS])
_IS_PAID = np.array([kind.cents is not None for kind in KINDS])
_PAYS_EURO = np.array([country.code in EURO_COUNTRIES for country in COUNTRIES])


def generate(
    site_id: str, *, events: int, days: int, random_seed: int, end: datetime
) -> Iterator[tuple[date, pa.Table]]:
    """Tables of ``table.schema.EVENTS`` per UTC date, oldest date first, for ``days`` dates up to that of ``end``.

    A table has at most BATCH_ROWS rows, so a busy date yields several tables, each after the other in time up to
    CROWD_ROWS rows of the date. All tables together have exactly ``events`` rows; a date without rows yields nothing.
    Rows are ordered by timestamp, none is later than ``end`` (naive means UTC), and ``event_id`` is unique over all
    tables. The same arguments give equal tables. Memory is bounded: some 150 bytes per row of a date, for at most
    CROWD_ROWS rows.

    Raises ``ValueError`` where ``events`` or ``days`` is below 1, or ``end`` is so near to midnight that the ids
    of its milliseconds do not suffice.
    """
    if events < 1 or days < 1:
        raise ValueError("events and days must be at least 1")
    moment = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
    dates = [moment.date() - timedelta(days=back) for back in reversed(range(days))]
    last_ms = to_ms(moment) % DAY_MS
    seed = (random_seed % 2**64, zlib.crc32(site_id.encode()))
    counts = split_events(np.random.default_rng(seed), dates, events, last_ms)
    return _draw_days(site_id, seed, dates, counts, last_ms)


def _draw_days(
    site_id: str, seed: tuple[int, int], dates: Sequence[date], counts: Sequence[int], last_ms: int
) -> Iterator[tuple[date, pa.Table]]:
    for day, count in zip(dates, counts, strict=True):
        limit_ms = last_ms if day == dates[-1] else DAY_MS - 1
        crowds = -(-count // CROWD_ROWS)
        for crowd in range(crowds):
            # Each day has a random stream of its own, independent of earlier days, and so has each crowd after the
            # first; the first has that of a day with a single crowd.
            rng = np.random.default_rng((*seed, day.toordinal(), *([crowd] if crowd else [])))
            rows = draw_rows(rng, (count + crowd) // crowds, limit_ms)
            ids = _draw_ids(rng, rows.time_ms + _midnight_ms(day), crowd, crowds)
            for table in _draw_tables(rng, site_id, day, rows, ids):
                yield day, table


def _midnight_ms(day: date) -> np.int64:
    return np.int64(to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC)))


def _draw_tables(rng: np.random.Generator, site_id: str, day: date, rows: Rows, ids: Ints) -> Iterator[pa.Table]:
    """The rows in tables of BATCH_ROWS: only numbers are held for all of them."""
    visitors = _Visitors(rng, rows.visitors)
    for start in range(0, len(ids), BATCH_ROWS):
        part = slice(start, start + BATCH_ROWS)
        yield _draw_table(rng, site_id, day, rows.pick(part), ids[part], visitors)


def _draw_table(
    rng: np.random.Generator, site_id: str, day: date, rows: Rows, ids: Ints, visitors: "_Visitors"
) -> pa.Table:
    columns: dict[str, Column] = {
        "event_id": pa.array(ids),
        "timestamp": pa.array(rows.time_ms + _midnight_ms(day)).cast(pa.timestamp("ms")),
        "pathname": _take(PATHS, rows.page),
    }
    columns |= _visitor_columns(site_id, rows, visitors)
    columns |= _source_columns(rows)
    columns |= _machine_columns(rows, visitors)
    columns |= _place_columns(rows, visitors)
    columns |= _engagement_columns(rng, rows)
    columns |= {name: pa.nulls(len(ids), EVENTS.field(name).type) for name in RARE}
    return pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)


class _Visitors:
    """Properties of visitors, one array element per visitor: ids of 63 bits, and indices of the lists above."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        nothing = np.zeros(count, dtype=np.int64)
        self.ids = rng.integers(1, 2**63 - 1, count)
        self.objects = rng.random(count) < _GPC_SHARE
        self.www = rng.random(count) < _WWW_SHARE
        self.machine = _MACHINE.draw(rng, nothing).astype(np.int16)
        self.browser = _BROWSER.draw_flat(rng, self.machine).astype(np.int16)
        self.version = _BROWSER_VERSION.draw_flat(rng, self.browser).astype(np.int16)
        self.width = _WIDTH.draw_flat(rng, self.machine).astype(np.int16)
        self.country = _COUNTRY.draw(rng, nothing).astype(np.int16)
        self.city = _CITY.draw_flat(rng, self.country).astype(np.int16)
        self.language = _LANGUAGE.draw_flat(rng, self.country).astype(np.int16)


def _take(values: Sequence[object], index: Index, kind: pa.DataType | None = None) -> Column:
    """``values[i]`` for each ``i`` of ``index``; text unless ``kind`` says otherwise."""
    column: Column = pa.array(values, kind or pa.string())
    return column.take(index)


def _draw_ids(rng: np.random.Generator, timestamp: Ints, crowd: int, crowds: int) -> Ints:
    """Ascending unique ids for ascending ``timestamp`` (ms since 1970): ms above, random bits below.

    Within one millisecond the low bits go from a random start in odd steps, which repeats no value; the low bits of
    each of a date's ``crowds`` have a remainder of their own.
    """
    room = _IDS_PER_MS // crowds
    rank = np.arange(len(timestamp)) - np.searchsorted(timestamp, timestamp)
    if int(rank.max()) >= room:
        raise ValueError(f"more than {_IDS_PER_MS} events would share a millisecond")
    begin = rng.integers(0, _IDS_PER_MS, len(timestamp))[np.arange(len(timestamp)) - rank]
    low = (begin + rank * 2_654_435_761) % room * crowds + crowd
    ids: Ints = ((timestamp - EVENT_ID_EPOCH_MS) << EVENT_ID_RANDOM_BITS) | low
    return np.sort(ids)


def _visitor_columns(site_id: str, rows: Rows, visitors: _Visitors) -> dict[str, Column]:
    """Ids, null for visitors with Global Privacy Control, and the hostname of their requests."""
    www = visitors.www[rows.visitor].astype(np.int8)
    return {
        "visitor_id": pa.array(visitors.ids[rows.visitor], mask=visitors.objects[rows.visitor]),
        "hostname": _take([site_id, f"www.{site_id}"], www),
    }


def _source_columns(rows: Rows) -> dict[str, Column]:
    """Referrer and tags of landing pages; later pages come from the site itself and have none."""
    origin = np.where(rows.landing, rows.origin, 0)
    columns = {
        "referrer": _take([o.referrer for o in ORIGINS], origin),
        "referrer_source": _take([o.source.name for o in ORIGINS], origin),
        "channel": _take([o.source.channel for o in ORIGINS], origin),
    }
    return columns | {tag: _take([o.source.utm[n] for o in ORIGINS], origin) for n, tag in enumerate(_UTM)}


def _machine_columns(rows: Rows, visitors: _Visitors) -> dict[str, Column]:
    machine = visitors.machine[rows.visitor]
    versions = [version for _, known in _BROWSERS for version in known]
    widths = [stored_width(width) for m in MACHINES for width in m.widths]
    return {
        "browser": _take([name for name, _ in _BROWSERS], visitors.browser[rows.visitor]),
        "browser_version": _take(versions, visitors.version[rows.visitor]),
        "os": _take([m.os for m in MACHINES], machine),
        "os_version": _take([m.os_version for m in MACHINES], machine),
        "device_type": _take([m.device_type for m in MACHINES], machine),
        "screen_size": _take(widths, visitors.width[rows.visitor]),
    }


def _place_columns(rows: Rows, visitors: _Visitors) -> dict[str, Column]:
    """Place, browser language and, as it depends on the country, revenue."""
    country, city = visitors.country[rows.visitor], visitors.city[rows.visitor]
    languages = [tag for c in COUNTRIES for _, tag in c.languages]
    amounts = [None if kind.cents is None else Decimal(kind.cents).scaleb(-2) for kind in KINDS]
    currency = np.where(_IS_PAID[rows.kind], 1 + _PAYS_EURO[country], 0)
    return {
        "language": _take(languages, visitors.language[rows.visitor]),
        "country_code": _take([c.code for c in COUNTRIES], country),
        "region": _take([region for region, _ in _CITIES], city),
        "city": _take([name for _, name in _CITIES], city),
        "revenue_amount": _take(amounts, rows.kind, EVENTS.field("revenue_amount").type),
        "revenue_currency": _take([None, "USD", "EUR"], currency),
    }


def _engagement_columns(rng: np.random.Generator, rows: Rows) -> dict[str, Column]:
    """Event name and props; for a ping the scroll depth, which grows with the time on the page."""
    ping = _IS_PING[rows.kind]
    return {
        "event_name": _take([kind.name for kind in KINDS], rows.kind),
        "props": _take([kind.props for kind in KINDS], rows.kind),
        "engagement_ms": pa.array(rows.dwell_ms.astype(np.int32), mask=~ping),
        "scroll_depth": pa.array(_draw_scroll(rng, rows.dwell_ms).astype(np.int16), mask=~ping),
    }


def _draw_scroll(rng: np.random.Generator, dwell_ms: Index) -> Floats:
    """Percent of the page, 5 to 100: about 45 after 15 seconds, 14 more for each doubling."""
    return np.clip(45 + 14 * np.log2(np.maximum(dwell_ms, 1) / 15_000) + rng.normal(0, 18, len(dwell_ms)), 5, 100)
