"""Routes of Plausible's Sites API: ``/api/v1/sites``."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from mallard.api.cursor_pages import page_of
from mallard.api.form_fields import sent_fields
from mallard.api.middleware.json_body import JSON
from mallard.api.plausible_goals import FIELDS, goal_id, read_goal, same_goal, shown_goal, with_goal
from mallard.api.plausible_permissions import PlausiblePermissions
from mallard.api.schemas.documented_errors import SITE_ERRORS
from mallard.api.schemas.v1_schemas import V1SiteId
from mallard.api.security_schemes import MANAGES, READS
from mallard.auth.identity import Identity
from mallard.auth.shared_links import SharedLinks
from mallard.engine.base import Engine
from mallard.errors import LinkError, QueryError
from mallard.sites.settings_store import DEFAULTS

Text = str | None
After = Annotated[Text, Query(description="The cursor of a page, for the rows after it.")]
Before = Annotated[Text, Query(description="The cursor of a page, for the rows before it.")]
PageLimit = Annotated[Text, Query(description="Rows, 1 to 1000. Default 100.")]
TeamId = Annotated[Text, Query(description="Not taken: there are no teams.")]
Domain = Annotated[str, Path(description="Site id, such as example.com.")]
GoalId = Annotated[str, Path(description="The id of a goal, as the list has it.")]
Sent = Annotated[dict[str, Any], Depends(sent_fields)]
Json = dict[str, Any]

UTC_NAME = "Etc/UTC"


OTHER_LISTS = ("teams", "guests", "custom-props", "shared-links")
"""Paths of lists that Plausible has beside the sites, and this server has not."""


class OfSite(APIRoute):
    """The route of one site, which is none of OTHER_LISTS."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As of APIRoute."""
        if scope["type"] == "http" and scope["path"].rpartition("/")[2] in OTHER_LISTS:
            return Match.NONE, {}
        return super().matches(scope)


def v1_site_routes(
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    links: SharedLinks,
    origin_of: Callable[[Request], str],
    permissions: PlausiblePermissions,
    before: Sequence[Dependency],
) -> APIRouter:
    """The router; ``before`` run first and set the identity, ``permissions`` check the site of a request.

    ``origin_of`` is where the dashboard is, such as https://stats.example.com.
    """
    router = APIRouter(prefix="/api/v1/sites", tags=["plausible"], dependencies=list(before), responses=SITE_ERRORS)

    def shown(site: str) -> Json:
        known = engine().site_settings
        # Most sites of a long list have none, and cost no read.
        settings = known.get(site) if known.is_set_up(site) else DEFAULTS
        return {"domain": site, "timezone": settings.to_api(settings.zones.local_date(clock()))["timezone"]}

    def goals_of(site: str) -> list[Json]:
        settings = engine().site_settings.get(site)
        goals: list[Json] = settings.to_api(settings.zones.local_date(clock()))["goals"]
        return goals

    @router.get("", dependencies=READS)
    def list_sites(
        request: Request, after: After = None, before: Before = None, limit: PageLimit = None, team_id: TeamId = None
    ) -> Json:
        """The sites with events or settings that the key reads, in order of their ids."""
        if team_id is not None:
            raise QueryError("team_id is given, but there are no teams.")
        found = request.state.identity.readable(sorted({*sites(), *engine().site_settings.set_up_sites()}))
        page, meta = page_of(found, str, after=after, before=before, limit=limit)
        return {"sites": [shown(each) for each in page], "meta": meta}

    @router.post("", dependencies=MANAGES, openapi_extra=_body("domain", "timezone"))
    def create_site(request: Request, given: Sent) -> Json:
        """Create a site: its settings, with a time zone."""
        fields = _fields(given, ("domain", "timezone"))
        if not fields.get("domain"):
            raise QueryError("domain: can't be blank")
        site = permissions.new(request.state.identity, fields["domain"])
        settings = {"timezone": fields.get("timezone") or UTC_NAME}
        engine().site_settings.change(site, settings, clock(), is_new=True)
        return shown(site)

    @router.get("/goals", dependencies=READS)
    def list_goals(
        request: Request,
        site_id: V1SiteId = None,
        after: After = None,
        before: Before = None,
        limit: PageLimit = None,
    ) -> Json:
        """The goals of a site, in order of their names."""
        site = permissions.readable(request.state.identity, _required(site_id, "list goals"))
        goals = sorted(goals_of(site), key=lambda goal: goal["name"])
        page, meta = page_of(goals, lambda goal: str(goal["name"]), after=after, before=before, limit=limit)
        return {"goals": [shown_goal(each) for each in page], "meta": meta}

    @router.put("/goals", dependencies=MANAGES, openapi_extra=_body(*FIELDS))
    def find_or_create_goal(request: Request, given: Sent, site_id: V1SiteId = None) -> Json:
        """The goal of an event or a page; it is created where there is none."""
        identity: Identity = request.state.identity
        site = permissions.changeable(identity, _required(given.get("site_id", site_id), "create a goal"))
        wanted = read_goal(given)
        engine().site_settings.change_goals(site, lambda goals: with_goal(goals, wanted))
        found = same_goal(goals_of(site), wanted) or wanted
        return {"domain": site, **shown_goal(found)}

    @router.delete("/goals/{goal}", dependencies=MANAGES, openapi_extra=_body("site_id"))
    def delete_goal(request: Request, goal: GoalId, given: Sent, site_id: V1SiteId = None) -> Json:
        """Delete a goal."""
        fields = _fields(given, ("site_id",))
        site = permissions.changeable(
            request.state.identity, _required(fields.get("site_id", site_id), "delete a goal")
        )

        def without(goals: list[Json]) -> list[Any]:
            kept = [each for each in goals if goal_id(each["name"]) != goal]
            if len(kept) == len(goals):
                raise HTTPException(404, "Goal could not be found")
            return kept

        engine().site_settings.change_goals(site, without)
        return {"deleted": True}

    @router.put("/shared-links", dependencies=MANAGES, openapi_extra=_body("site_id", "name"))
    def find_or_create_link(request: Request, given: Sent, site_id: V1SiteId = None) -> Json:
        """The shared link of a name; it is created where there is none."""
        fields = _fields(given, ("site_id", "name"))
        what = "create a shared link"
        site = permissions.linkable(request.state.identity, _required(fields.get("site_id", site_id), what))
        name = fields.get("name")
        if not name:
            raise QueryError(f"Parameter `name` is required to {what}")
        found = next((each for each in links.all(site) if each.name == name.strip()), None)
        try:
            link = found or links.create(site, name, clock())
        except LinkError as error:
            raise HTTPException(400, str(error)) from None
        return {"name": link.name, "url": f"{origin_of(request)}/share.html#{link.slug}"}

    def read_site(request: Request, domain: Domain, site_id: V1SiteId = None) -> Json:
        """A site with its time zone."""
        if site_id is not None and site_id != domain:
            raise QueryError(f"site_id is {site_id[:40]!r}, but must be the site of the path.")
        return {**shown(permissions.readable(request.state.identity, domain)), "custom_properties": []}

    router.add_api_route("/{domain}", read_site, dependencies=READS, route_class_override=OfSite)
    return router


def _body(*names: str) -> Json:
    """The description of a body, whose fields ``sent_fields`` reads; a form has the same."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    return {"requestBody": {"content": {JSON: {"schema": schema}}}}


def _fields(given: Mapping[str, Any], known: Sequence[str]) -> dict[str, str]:
    for name, value in given.items():
        if name not in known:
            raise QueryError(f"{name[:40]!r} is no field here; there are {', '.join(known)}.")
        if not isinstance(value, str):
            raise QueryError(f"{name} is {value!r:.40}, but must be a text.")
    return dict(given)


def _required(site_id: Any, what: str) -> str:
    if not site_id:
        raise QueryError(f"Parameter `site_id` is required to {what}")
    if not isinstance(site_id, str):
        raise QueryError(f"site_id is {site_id!r:.40}, but must be a text.")
    return site_id
