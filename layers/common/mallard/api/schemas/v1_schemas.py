"""Schemas of Plausible's Stats API v1."""

from dataclasses import fields
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from mallard.errors import QueryError
from mallard.stats.v1_metrics import V1_METRICS
from mallard.stats.v1_query import INTERVALS, MAX_V1_ROWS, PREVIOUS_PERIOD, V1_PERIODS, V1_ROWS, V1Parameters

Text = str | None
V1SiteId = Annotated[Text, Query(description="Site id, such as example.com. Required.")]
Period = Annotated[Text, Query(description=f"One of {', '.join(V1_PERIODS)}. Default 30d.")]
Day = Annotated[Text, Query(description="The date that period is relative to, today by default; of custom two dates.")]
MetricNames = Annotated[Text, Query(description=f"Some of {','.join(V1_METRICS)}. Default visitors.")]
V1Filters = Annotated[Text, Query(description="Such as event:page==/blog/*;visit:country==DE|AT.")]
V1Interval = Annotated[Text, Query(description=f"One of {', '.join(INTERVALS)}; of a series.")]
V1Compare = Annotated[Text, Query(description=f"{PREVIOUS_PERIOD}; of an aggregate.")]
Property = Annotated[Text, Query(description="Such as event:page; of a breakdown, which requires it.")]
V1Limit = Annotated[Text, Query(description=f"Rows of a breakdown, 1 to {MAX_V1_ROWS}. Default {V1_ROWS}.")]
V1Page = Annotated[Text, Query(description="Page of a breakdown, from 1 on.")]
Imported = Annotated[Text, Query(description="true or false; there are no imported numbers.")]


def v1_parameters(
    site_id: V1SiteId = None,
    period: Period = None,
    date: Day = None,
    metrics: MetricNames = None,
    filters: V1Filters = None,
    interval: V1Interval = None,
    compare: V1Compare = None,
    property: Property = None,  # noqa: A002  # Plausible's name
    limit: V1Limit = None,
    page: V1Page = None,
    with_imported: Imported = None,
) -> V1Parameters:
    """The dependency of all of these routes: each ignores those of the others, as Plausible does."""
    if with_imported not in (None, "true", "false"):
        raise QueryError(f"with_imported is {with_imported[:40]!r}, but must be true or false.")
    given = V1Parameters(
        site_id=site_id or "",
        period=period,
        date=date,
        metrics=metrics,
        filters=filters,
        interval=interval,
        compare=compare,
        property=property,
        limit=limit,
        page=page,
    )
    for each in fields(given):
        if getattr(given, each.name) == "" and each.name != "site_id":
            raise QueryError(f"{each.name} is empty.")
    return given


class V1Aggregate(BaseModel):
    """By metric its ``value``, and with compare ``comparison_value`` and ``change``."""

    results: dict[str, dict[str, Any]]


class V1Rows(BaseModel):
    """Rows of a series or a breakdown."""

    results: list[dict[str, Any]]
