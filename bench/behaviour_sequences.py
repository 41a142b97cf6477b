"""Cases of sequences and flow, with the fastest known ClickHouse queries."""

from collections.abc import Callable

from bench.behaviour_cases import Case, Rows, peer_rows
from bench.peer_chdb import Session
from mallard.reports.behaviour.flow import flow, read_anchor, read_flow
from mallard.reports.behaviour.sequences import read_sequence, sequences
from mallard.reports.standard_reports import Scope, Stats

STEPS = "page:/pricing,event:signup"
CONDITIONS = "ifNull(pathname = '/pricing', 0), event_name = 'signup'"
WITHIN_AN_HOUR = "(?1)(?t<=3600)(?2)"
VISITED = "event_name <> 'engagement' AND visitor_id IS NOT NULL"
VIEWED = "event_name = 'pageview' AND visitor_id IS NOT NULL"
PAGE = "/pricing"


def _sequence(pattern: str) -> Callable[[Stats, Scope], Rows]:
    asked = read_sequence(STEPS, pattern)
    return lambda stats, scope: [tuple(sequences(stats, scope, asked).values())[:2]]


def _sequence_match(pattern: str) -> Callable[[Session, str, Scope], Rows]:
    def rows(session: Session, source: str, scope: Scope) -> Rows:  # the source holds no other
        return peer_rows(
            session,
            f"""
            SELECT countIf(matches), count() FROM (
                SELECT sequenceMatch('{pattern}')(toDateTime(timestamp), {CONDITIONS}) AS matches
                FROM {source} WHERE {VISITED} GROUP BY visitor_id
            )""",
        )

    return rows


def _details(stats: Stats, scope: Scope) -> Rows:
    found = sequences(stats, scope, read_sequence(STEPS, WITHIN_AN_HOUR, with_details=True))
    return [(found["converting_visitors"], found["total_visitors"], found["matches"], found["median_seconds"][0])]


def _peer_details(session: Session, source: str, scope: Scope) -> Rows:  # the source holds no other
    functions = ", ".join(
        f"{name}('{WITHIN_AN_HOUR}')(toDateTime(timestamp), {CONDITIONS}) AS {alias}"
        for name, alias in (("sequenceMatch", "m"), ("sequenceCount", "n"), ("sequenceMatchEvents", "seen"))
    )
    return peer_rows(
        session,
        f"""
        SELECT
            countIf(m), count(), sum(n),
            (arraySort(groupArrayIf(toInt64(seen[2]) - toInt64(seen[1]), m)) AS taken)[intDiv(length(taken) + 1, 2)] / 2
                + taken[intDiv(length(taken), 2) + 1] / 2
        FROM (SELECT {functions} FROM {source} WHERE {VISITED} GROUP BY visitor_id)""",
    )


def _flow(stats: Stats, scope: Scope) -> Rows:
    rows = flow(stats, scope, read_flow(*read_anchor(PAGE, None)))
    return [(row["page"], row["visitors"]) for row in rows]


def _peer_flow(session: Session, source: str, scope: Scope) -> Rows:  # the source holds no other
    """The first page view of another page after the first of this one.

    ``sequenceNextNode`` itself knows no repeats: collapsed for it by a window the same takes longer, and so do sorted
    arrays of each visitor's pages.
    """
    return peer_rows(
        session,
        f"""
        WITH begun AS (
            SELECT assumeNotNull(visitor_id) AS visitor, min((timestamp, event_id)) AS moment
            FROM {source} WHERE {VIEWED} AND pathname = '{PAGE}' GROUP BY visitor
        )
        SELECT page, count() AS visitors FROM (
            SELECT argMin(ifNull(pathname, '(unknown)'), (timestamp, event_id)) AS page
            FROM {source} AS event JOIN begun ON event.visitor_id = begun.visitor
            WHERE {VIEWED} AND pathname <> '{PAGE}' AND (timestamp, event_id) > moment
            GROUP BY event.visitor_id
        ) GROUP BY page ORDER BY visitors DESC, page LIMIT 10""",
    )


_HOUR = "sequence, one step within an hour of the other"
_AFTER = "(?1).*(?2)"

CASES = (
    Case(_HOUR, 0.7, _sequence(WITHIN_AN_HOUR), _sequence_match(WITHIN_AN_HOUR), rolled=True),
    Case("the same with matches and times", 0.7, _details, _peer_details, rolled=True),
    Case("sequence, one step after the other", 0.7, _sequence(_AFTER), _sequence_match(_AFTER), rolled=True),
    # All visitors, of whom the sequence is a share, have to be counted here, too.
    Case(f"{_HOUR}, all from events", 1.0, _sequence(WITHIN_AN_HOUR), _sequence_match(WITHIN_AN_HOUR)),
    Case("flow, the next page", 0.7, _flow, _peer_flow),
)
"""Those who do a sequence are counted from events in any case, rolled up or not."""
