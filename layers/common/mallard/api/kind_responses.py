"""Responses of queries whose kind stands in place of metrics."""

from typing import Any

from mallard.api.schemas.behaviour_schemas import Cohort
from mallard.api.schemas.kind_schemas import EchoedKind, FlowResults, FunnelResults, KindResponse, SequenceResults
from mallard.reports.kind_runner import KindAnswer
from mallard.sites.time_zone import SiteZones
from mallard.stats.query_kinds import FLOW, FUNNEL, Kind, RetentionKind
from mallard.stats.query_range import shown_range

_RESULTS: dict[str, type[FunnelResults | FlowResults]] = {FUNNEL: FunnelResults, FLOW: FlowResults}


def kind_response(given: Any, kind: Kind, answer: KindAnswer, zones: SiteZones, meta: dict[str, Any]) -> KindResponse:
    """The JSON of an answer to the body ``given``."""
    query = answer.query
    echo = EchoedKind(
        site_id=query.site_id,
        **{kind.name: given[kind.name]},
        date_range=shown_range(query.period, zones),
        filters=given.get("filters") or [],
        include=given.get("include", {}),
        comparison_date_range=shown_range(query.before, zones) if query.before else None,
    )
    if isinstance(kind, RetentionKind):
        before = None if answer.before is None else [Cohort(**each) for each in answer.before]
        return KindResponse(
            results=[Cohort(**each) for each in answer.results], comparison=before, meta=meta, query=echo
        )
    shape = _RESULTS.get(kind.name, SequenceResults)
    return KindResponse(results=shape(**answer.results, comparison=answer.before), meta=meta, query=echo)
