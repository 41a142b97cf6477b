"""Visits of one day: returning visitors, pages, time on page, and their rows."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mallard.demo.choice import Choice, Floats, Ints
from mallard.demo.pages import LANDINGS, SECTIONS
from mallard.demo.rhythm import draw_clock
from mallard.demo.sources import ORIGINS
from mallard.event import ENGAGEMENT, PAGEVIEW

_MAX_VIEWS_PER_VISIT = 24
_RETURN_SHARE = 0.13
_PING_SHARE = 0.19
_ROWS_PER_VISIT = 2.6

# A visit ends after 30 minutes without an event: time on page is shorter, absence of returning visitors longer.
_MIN_DWELL_MS, _MAX_DWELL_MS = 2_000, 25 * 60_000
_MIN_AWAY_MS, _MEAN_EXTRA_AWAY_MS = 31 * 60_000, 120 * 60_000


class VisitKind(NamedTuple):
    """Values of a row that depend on its event alone: name, props as JSON text, revenue in cents."""

    name: str
    props: str | None = None
    cents: int | None = None


_SECTIONS = list(SECTIONS.values())
_NUMBERS = {name: number for number, name in enumerate(SECTIONS)}
_ACTIONS = [section.action.details if section.action else () for section in _SECTIONS]

PATHS = [path for section in _SECTIONS for path in section.paths]
KINDS = [VisitKind(PAGEVIEW), VisitKind(ENGAGEMENT)] + [
    VisitKind(section.action.name, props, cents)
    for section in _SECTIONS
    if section.action
    for _, props, cents in section.action.details
]
_PAGEVIEW, _ENGAGEMENT = 0, 1


def _weights(onward: dict[str, float], share: float = 1.0) -> list[float]:
    """Weights of all sections in their order, ``share`` in sum."""
    total = sum(onward.values())
    return [onward.get(name, 0.0) / total * share for name in SECTIONS]


_SIZES = np.array([len(section.paths) for section in _SECTIONS], dtype=np.int64)
_SECTION_OF_PAGE = np.repeat(np.arange(len(_SECTIONS)), _SIZES)
_DWELL_MS = np.array([section.dwell_seconds * 1000 for section in _SECTIONS])
_ACTION_SHARE = np.array([section.action.share if section.action else 0.0 for section in _SECTIONS])

_ORIGIN = Choice([[origin.weight for origin in ORIGINS]])
_LANDING_OF_ORIGIN = np.array([list(LANDINGS).index(origin.source.landing) for origin in ORIGINS])
_LANDING = Choice([_weights(weights) for weights in LANDINGS.values()])
_PAGE = Choice([[1 / rank for rank in range(1, len(section.paths) + 1)] for section in _SECTIONS])
_DETAIL = Choice([[weight for weight, _, _ in details] or [1.0] for details in _ACTIONS])
_FIRST_KIND = 2 + np.array([0, *np.cumsum([len(details) for details in _ACTIONS])[:-1]])

# Two rows per section, after the landing page and later; column 0 leaves, column 1 + n goes on to section n.
_NEXT = Choice(
    [
        [leave, *_weights(section.onward, 1.0 - leave)]
        for section in _SECTIONS
        for leave in (section.bounce, section.leave)
    ]
)


@dataclass(frozen=True)
class Rows:
    """Rows of a day as numbers, one array element per row unless said otherwise.

    ``time_ms`` counts from midnight; ``visitor`` numbers the day's visitors from 0, always below
    ``visitors``; ``origin`` is an index of ``ORIGINS``, ``landing`` whether the row stands on the visit's first page,
    ``page`` an index of ``PATHS``, ``kind`` of ``KINDS``. ``dwell_ms`` is the engaged time of a ping, else 0.
    """

    visitors: int
    visitor: NDArray[np.int32]
    origin: NDArray[np.int16]
    landing: NDArray[np.bool_]
    page: NDArray[np.int16]
    kind: NDArray[np.int16]
    time_ms: NDArray[np.int32]
    dwell_ms: NDArray[np.int32]

    def pick(self, index: Ints | slice) -> "Rows":
        """These rows only."""
        columns = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "visitors"}
        return Rows(visitors=self.visitors, **columns)


def draw_rows(rng: np.random.Generator, count: int, limit_ms: int) -> Rows:
    """Exactly ``count`` rows of one day, by time, none later than ``limit_ms`` after midnight."""
    visits = int(count / _ROWS_PER_VISIT * 1.05) + 64
    rows = _draw_visits(rng, visits, limit_ms)
    while len(rows.kind) < count:
        visits *= 2
        rows = _draw_visits(rng, visits, limit_ms)
    # Rows are ordered by visit here: truncation drops whole visits, and the end of one.
    selected = rows.pick(slice(count))
    return selected.pick(np.argsort(selected.time_ms, kind="stable"))


def _draw_visits(rng: np.random.Generator, visits: int, limit_ms: int) -> Rows:
    """Rows ordered by visit. Small types and early deletions: a day of millions of rows takes 150 bytes per row."""
    origin = _ORIGIN.draw(rng, np.zeros(visits, dtype=np.int64)).astype(np.int16)
    pages = _read_pages(rng, _LANDING_OF_ORIGIN[origin])
    visit_of_view, page, is_landing = _views(pages)
    del pages
    section = _SECTION_OF_PAGE[page]
    dwell_ms = _draw_dwell(rng, section)
    ends = np.cumsum(dwell_ms)
    begins = ends - dwell_ms
    starts = begins[is_landing]
    visitor, begin_ms, pace = _schedule(rng, np.diff(starts, append=ends[-1]), limit_ms)
    del ends
    view, kind, within = _draw_events(rng, section)
    del section
    dwell_of_row = within * dwell_ms[view]
    del within, dwell_ms
    engaged_ms = dwell_of_row * rng.uniform(0.5, 1.0, len(view))
    engaged_ms[kind != _ENGAGEMENT] = 0
    dwelt_ms = engaged_ms.astype(np.int32)
    del engaged_ms
    visit = visit_of_view[view]
    passed_ms = begins[view] - starts[visit] + dwell_of_row
    del dwell_of_row, begins
    passed_ms *= pace[visit]
    passed_ms += begin_ms[visit]
    return Rows(
        visitors=visits,
        visitor=visitor.astype(np.int32)[visit],
        origin=origin[visit],
        landing=is_landing[view],
        page=page[view],
        kind=kind,
        time_ms=np.floor(passed_ms, out=passed_ms).astype(np.int32),
        dwell_ms=dwelt_ms,
    )


def _views(pages: NDArray[np.int16]) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.bool_]]:
    """Visit and page of each page view, and whether it is the visit's first."""
    is_view = pages >= 0
    visit = np.repeat(np.arange(len(pages), dtype=np.int32), is_view.sum(axis=1))
    is_landing = np.diff(visit, prepend=-1) > 0
    return visit, pages[is_view], is_landing


def _read_pages(rng: np.random.Generator, landing: Ints) -> NDArray[np.int16]:
    """The pages of each visit in order, -1 after its end; shape (visits, ``_MAX_VIEWS_PER_VISIT``).

    A Markov chain over sections; within a section each page is drawn anew, but never the same twice in a row.
    """
    pages = np.full((len(landing), _MAX_VIEWS_PER_VISIT), -1, dtype=np.int16)
    reader = np.arange(len(landing))
    section = _LANDING.draw(rng, landing)
    page = _PAGE.draw_flat(rng, section)
    pages[:, 0] = page
    for step in range(1, _MAX_VIEWS_PER_VISIT):
        onward = _NEXT.draw(rng, section * 2 + (step > 1))
        continues = onward > 0
        reader, section = reader[continues], onward[continues] - 1
        page = _avoid_repeat(_PAGE.draw_flat(rng, section), page[continues], section)
        pages[reader, step] = page
    return pages


def _avoid_repeat(page: Ints, before: Ints, section: Ints) -> Ints:
    """``page``, or its neighbour in the section where it is the page just read."""
    start = _PAGE.starts[section]
    other: Ints = start + (page - start + (page == before)) % _SIZES[section]
    return other


def _draw_dwell(rng: np.random.Generator, section: Ints) -> Ints:
    dwell_ms = _DWELL_MS[section] * rng.lognormal(0.0, 0.9, len(section))
    return np.clip(dwell_ms, _MIN_DWELL_MS, _MAX_DWELL_MS).astype(np.int64)


def _schedule(rng: np.random.Generator, span_ms: Ints, limit_ms: int) -> tuple[Ints, Floats, Floats]:
    """Visitor, begin in ms after midnight and pace of each visit.

    The pace is 1, or less where a visit takes longer than the day has lasted so far.
    """
    is_return = rng.random(len(span_ms)) < _RETURN_SHARE
    is_return[0] = False
    is_return[2:] &= ~(is_return[1:-1] & is_return[:-2])  # three visits a day at most
    away_ms = _MIN_AWAY_MS + rng.exponential(_MEAN_EXTRA_AWAY_MS, len(span_ms))
    visitor, _, total_ms = _place_in_sequence(is_return, span_ms, away_ms)
    is_return &= total_ms[visitor] <= limit_ms  # no time left to return: these visitors have one visit
    visitor, lag_ms, total_ms = _place_in_sequence(is_return, span_ms, away_ms)
    pace = np.minimum(1.0, limit_ms / total_ms)
    # Scaling the clock, rather than truncating, avoids a cluster of visits just before midnight.
    room = np.maximum(0.0, 1.0 - total_ms / max(limit_ms, 1))
    first_ms = draw_clock(rng, len(total_ms), limit_ms) * room
    return visitor, first_ms[visitor] + lag_ms, pace[visitor]


def _place_in_sequence(is_return: NDArray[np.bool_], span_ms: Ints, away_ms: Floats) -> tuple[Ints, Floats, Floats]:
    """Visits placed one after another per visitor: visitor and lag of each visit, total time of each visitor."""
    visitor = np.cumsum(~is_return) - 1
    before_ms = np.where(is_return, np.concatenate([[0], span_ms[:-1]]) + away_ms, 0.0)
    passed_ms = np.cumsum(before_ms)
    lag_ms = passed_ms - passed_ms[~is_return][visitor]
    last = np.append(~is_return[1:], True)
    return visitor, lag_ms, (lag_ms + span_ms)[last]


def _draw_events(rng: np.random.Generator, section: Ints) -> tuple[NDArray[np.int32], NDArray[np.int16], Floats]:
    """The page view of each row, its kind, and its moment as a share of the time on the page."""
    has_action = rng.random(len(section)) < _ACTION_SHARE[section]
    has_ping = rng.random(len(section)) < _PING_SHARE
    view = np.repeat(np.arange(len(section), dtype=np.int32), 1 + has_action + has_ping.astype(np.int64))
    is_first = np.diff(view, prepend=-1) > 0
    is_second = np.concatenate([[False], is_first[:-1]]) & ~is_first
    is_action = is_second & has_action[view]
    is_ping = ~is_first & ~is_action
    kind = np.where(is_ping, _ENGAGEMENT, _PAGEVIEW).astype(np.int16)
    section_of_action = section[view[is_action]]
    kind[is_action] = _FIRST_KIND[section_of_action] + _DETAIL.draw(rng, section_of_action)
    within = np.zeros(len(view))
    within[is_action] = rng.uniform(0.2, 0.8, len(view))[is_action]
    within[is_ping] = rng.uniform(0.85, 1.0, len(view))[is_ping]
    return view, kind, within
