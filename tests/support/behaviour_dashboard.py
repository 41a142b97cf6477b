"""Canned answers of the reports of behaviour, beside those of the overview."""

from typing import Any

from support.dashboard import CannedApi, Params, overview, row

SITE = "example.com"
START = f"/?site={SITE}&period=30d&view=behaviour"
SUGGESTED = "page:/,page:/pricing,event:signup"
GOALS = [{"name": "Signup", "event": "signup"}]
NOTE = (
    "Visitor ids last a day and end before the next week, so no visitor is recognized again: "
    "MALLARD_VISITOR_ROTATION=month lets them last."
)

COHORTS = [
    {
        "cohort_date": "2025-03-03",
        "cohort_size": 200,
        "retained": [True, True, True],
        "visitors": [200, 50, 10],
        "percentages": [100.0, 25.0, 5.0],
    },
    {
        "cohort_date": "2025-03-10",
        "cohort_size": 100,
        "retained": [True, True],
        "visitors": [100, 10],
        "percentages": [100.0, 10.0],
    },
    {
        "cohort_date": "2025-03-17",
        "cohort_size": 50,
        "retained": [True],
        "visitors": [50],
        "percentages": [100.0],
        "note": NOTE,
    },
]

SEQUENCE = {
    "converting_visitors": 120,
    "total_visitors": 2000,
    "conversion_rate": 0.06,
    "matches": 150,
    "median_seconds": [200.0, None],
}


def reach(steps: str, of: int = 1000) -> list[dict[str, int]]:
    """A funnel that loses half at each step."""
    return [{"step": at + 1, "visitors": of >> at} for at in range(steps.count(",") + 1)]


def funnel(params: Params) -> list[dict[str, Any]]:
    """Of the days before, a fifth less; with a breakdown a row for each of two countries."""
    steps = params["steps"]
    if "breakdown" in params:
        return [{"value": value, "steps": reach(steps, of)} for value, of in (("DE", 800), ("FR", 200))]
    return reach(steps, 800 if is_earlier(params) else 1000)


def is_earlier(params: Params) -> bool:
    """Whether it is the range before that of `overview`."""
    return params.get("end_date") == "2025-03-01"


def sessions(params: Params) -> dict[str, Any]:
    count = 1000 if is_earlier(params) else 1500
    return {"total_sessions": count, "avg_session_duration_secs": 125.0, "avg_pages_per_session": 2.5}


def flow(params: Params) -> list[dict[str, Any]]:
    """Two pages and the end; below each, to the depth, another one."""
    name, below = ("next_page", "next") if params.get("direction") != "backward" else ("previous_page", "previous")

    def listed(depth: int) -> list[dict[str, Any]]:
        if depth == 0:
            return []
        more = {below: listed(depth - 1)} if depth > 1 else {}
        pages = [{name: "/docs", "visitors": 40 * depth, **more}, {name: "/about", "visitors": 20 * depth, **more}]
        return [*pages, {name: None, "visitors": 7}]

    return listed(int(params.get("depth", "1")))


def basis(**more: Any) -> dict[str, Any]:
    """The overview that says what there is to choose from."""
    breakdowns = {
        "pages": [row("/", 900, 1500), row("/pricing", 400, 500), row("/docs", 300, 400)],
        "entry_pages": [row("/", 700, 900), row("/docs", 100, 120)],
        "events": [row("pageview", 1000, 2400), row("click", 90, 0), row("signup", 60, 0)],
    }
    return {**overview(), "breakdowns": {**overview()["breakdowns"], **breakdowns}, **more}


def answer_behaviour(api: CannedApi, goals: list[dict[str, str]] | None = None) -> None:
    """The site has three pages and two events, and these goals."""
    canned = {
        "overview": lambda _: basis(),
        "sessions": sessions,
        "funnel": funnel,
        "retention": lambda _: COHORTS,
        "sequences": lambda _: SEQUENCE,
        "flow": flow,
    }
    for name, answer in canned.items():
        api.answers[f"/api/stats/{name}"] = lambda params, answer=answer: (200, answer(params))  # type: ignore[misc]
    api.answers[f"/api/sites/{SITE}"] = lambda _: (200, {"goals": goals or []})
