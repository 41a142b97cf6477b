"""SQL of flows over pages that are seen one right after the other."""

from dataclasses import dataclass

from mallard.engine.sql.operators import any_of
from mallard.engine.sql.statement import MOMENT
from mallard.reports.behaviour.sql_texts import sql_file
from mallard.stats.dimensions import UNKNOWN

PATH = f"coalesce(pathname, '{UNKNOWN}')"
"""SQL of the page of a view."""


@dataclass(frozen=True, slots=True)
class RunsSql:
    """Of views of pages, of which repeats are one; ``mask`` is SQL over the row ``event`` with a bit for each step.

    ``is_backward``: each step is the page before. With ``searches`` only pages with one of the texts
    ``$search_0``, ``$search_1`` ... come next.
    """

    steps: int
    mask: str
    is_backward: bool = False
    searches: int = 0

    def pages(self, number: int) -> str:
        """The SELECT of a VisitorQuery: ``page_1`` ... after the steps, the last NULL where no page comes next.

        A visitor is counted at each of those. The pages before the last are those of ``$pages_1``, ``$pages_2`` ...
        """
        names = [f"page_{each}" for each in range(1, number + 1)]
        kept = [f"list_contains($pages_{each}, page_{each})" for each in range(1, number)]
        if self.searches:
            texts = (f"contains(lower({names[-1]}), lower($search_{each}))" for each in range(self.searches))
            kept.append(any_of(texts))
        places = (f"lead(page, {self.steps + place}) OVER way AS {name}" for place, name in enumerate(names))
        return self._fill(
            "flow_runs",
            begins=self._begins(self.steps),
            places=", ".join(places),
            pages=", ".join(names),
            kept="".join(f" AND {each}" for each in kept),
        )

    def counts(self) -> str:
        """A SELECT of one row: ``step_1`` ... are the visitors who took so many of the steps."""
        steps = range(1, self.steps + 1)
        return self._fill(
            "flow_run_counts",
            begins=", ".join(f"{self._begins(each)} AS begins_{each}" for each in steps),
            counts=", ".join(f"count(DISTINCT visitor_id) FILTER (begins_{each}) AS step_{each}" for each in steps),
        )

    def _fill(self, name: str, **texts: str) -> str:
        order = "DESC" if self.is_backward else "ASC"
        views = sql_file("flow_views").format(moment=MOMENT, path=PATH, mask=self.mask or "0", order=order)
        return views + sql_file(name).format(order=order, **texts)

    def _begins(self, steps: int) -> str:
        """SQL of a view from which so many steps are taken; without steps, of a visitor's first view."""
        taken = (f"coalesce((lead(mask, {each}) OVER way) & {1 << each}, 0) > 0" for each in range(steps))
        return " AND ".join(taken) or "row_number() OVER way = 1"
