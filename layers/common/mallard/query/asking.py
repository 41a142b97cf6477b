"""What every report is asked, read from a request in one place: of which site, over which range, under which filter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mallard.query.engine import Engine
from mallard.query.filters import parse_filters
from mallard.query.parameters import EndDate, Filters, PeriodName, SiteId, StartDate, read_site
from mallard.query.period import read_period
from mallard.query.stats import Scope, Stats


class Ask:
    """Which reports, and about what."""

    def __init__(self, stats: Stats, scope: Scope) -> None:
        """``scope`` is validated."""
        self.stats = stats
        self.scope = scope


def ask_span(engine: Callable[[], Engine], clock: Callable[[], datetime]) -> Callable[..., Ask]:
    """The dependency that reads site and range."""

    def span(
        site_id: SiteId = None, period: PeriodName = None, start_date: StartDate = None, end_date: EndDate = None
    ) -> Ask:
        now, site, running = clock(), read_site(site_id), engine()
        return Ask(
            Stats(running, now), Scope(site, read_period(period, start_date, end_date, now, running.zones(site)))
        )

    return span


def filtered(asked: Ask, filters: Filters) -> Ask:
    """The same under the filter of a request, None for none."""
    return Ask(asked.stats, replace(asked.scope, filters=parse_filters(filters)))
