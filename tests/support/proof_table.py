"""Who is answered what, on every route: the table that tests/proof holds the application to.

Each route follows one rule; a rule says for everybody whether they are let in (``ok``: then the route's own status
comes) or how they are refused. Whoever adds a route adds its line here.
"""

from dataclasses import dataclass

WHO = """
                                 numbers  whole  events  list  look  change  manage  make  batch  form  end  open  query  sql
Admin key                        ok       ok     ok      ok    ok    ok      ok      ok    ok     ok    ok   ok    ok     ok
Admin key, this site             ok       ok     ok      ok    ok    ok      403     403   ok     ok    ok   ok    ok     ok
Admin key, other site            403      403    403     ok    403   403     403     403   ok     ok    ok   ok    403    403
ReadOnly key                     ok       ok     ok      ok    403   403     403     403   403    ok    ok   ok    ok     ok
ReadOnly key, this site          ok       ok     ok      ok    403   403     403     403   403    ok    ok   ok    ok     ok
ReadOnly key, other site         403      403    403     ok    403   403     403     403   403    ok    ok   ok    403    403
the same, public site            ok       ok     403     ok    403   403     403     403   403    ok    ok   ok    ok     403
Ingest key                       403      403    403     403   403   403     403     403   ok     ok    ok   ok    403    403
Ingest key, public site          ok       ok     403     403   403   403     403     403   ok     ok    ok   ok    ok     403
link                             ok       ok     403     ok    403   403     403     403   401    ok    ok   ok    ok     403
link of the other site           403      403    403     ok    403   403     403     403   401    ok    ok   ok    403    403
link with a filter               ok       403    403     ok    403   403     403     403   401    ok    ok   ok    ok     403
session on our page              ok       ok     ok      ok    ok    ok      ok      ok    401    ok    ok   ok    ok     ok
session as a token               ok       ok     ok      ok    ok    ok      ok      ok    401    ok    ok   ok    ok     ok
session, page said by nobody     ok       ok     ok      ok    ok    403     ok      403   401    ok    403  ok    403    403
session, cross-site              ok       ok     ok      ok    ok    403     ok      403   401    403   403  ok    403    403
session, foreign Origin          ok       ok     ok      ok    ok    403     ok      403   401    403   403  ok    403    403
nobody                           401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
nobody, public site              ok       ok     401     401   401   401     401     401   401    ok    ok   ok    ok     401
wrong key                        401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
expired key                      401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
revoked key                      401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
session that is over             401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
token of a session that is over  401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
session before a logout          401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
token of before a logout         401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
link that is over                401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
revoked link                     401      401    401     401   401   401     401     401   401    ok    ok   ok    401    401
"""  # noqa: E501
"""numbers: of a site, narrowed by a link's filter. whole: cannot be narrowed. events: each
with the id of its visitor. list: of sites. look, change: a site's settings, its days. manage, make: keys and links.
batch: events from a server. form: what is asked before there is a session. end: a logout. open: for everyone.
query: numbers that are asked for by POST, as a page of another site must not. sql: rows of events, asked for so.
"""

PLAUSIBLE_WHO = """
                                 stats1  sites1  read1  change1  new1  links1
Admin key                        ok      ok      ok     ok       ok    ok
Admin key, this site             ok      ok      ok     ok       ok    401
Admin key, other site            401     ok      404    404      401   401
ReadOnly key                     ok      ok      ok     401      401   401
ReadOnly key, this site          ok      ok      ok     401      401   401
ReadOnly key, other site         401     ok      404    401      401   401
the same, public site            ok      ok      404    401      401   401
Ingest key                       401     401     401    401      401   401
Ingest key, public site          ok      401     401    401      401   401
link                             ok      401     401    401      401   401
link of the other site           401     401     401    401      401   401
link with a filter               ok      401     401    401      401   401
session on our page              ok      ok      ok     ok       ok    ok
session as a token               ok      ok      ok     ok       ok    ok
session, page said by nobody     ok      ok      ok     403      403   403
session, cross-site              ok      ok      ok     403      403   403
session, foreign Origin          ok      ok      ok     403      403   403
nobody                           401     401     401    401      401   401
nobody, public site              ok      401     401    401      401   401
wrong key                        401     401     401    401      401   401
expired key                      401     401     401    401      401   401
revoked key                      401     401     401    401      401   401
session that is over             401     401     401    401      401   401
token of a session that is over  401     401     401    401      401   401
session before a logout          401     401     401    401      401   401
token of before a logout         401     401     401    401      401   401
link that is over                401     401     401    401      401   401
revoked link                     401     401     401    401      401   401
"""
"""The same of the routes that refuse as Plausible does. stats1: numbers of a site. sites1: a list of
sites. read1, change1: a site. new1: a site to be created. links1: links of a site.
"""

ROUTES = """
rule     status  request                                            body
numbers  200     GET /api/stats/main?site_id={site}
numbers  200     GET /api/stats/timeseries?site_id={site}
numbers  200     GET /api/stats/breakdown/pages?site_id={site}
numbers  200     GET /api/stats/overview?site_id={site}
numbers  200     GET /api/stats/sessions?site_id={site}
numbers  200     GET /api/stats/funnel?site_id={site}&steps=page:/
numbers  200     GET /api/stats/retention?site_id={site}
numbers  200     GET /api/stats/sequences?site_id={site}&steps=page:/,page:/a
numbers  200     GET /api/stats/flow?site_id={site}&page=/
numbers  200     GET /api/stats/export?site_id={site}
events   200     GET /api/stats/export?site_id={site}&what=events
query    200     POST /api/v2/query                   {"site_id": "{site}", "metrics": ["visits"], "date_range": "day"}
stats1   200     GET /api/v1/stats/realtime/visitors?site_id={site}
stats1   200     GET /api/v1/stats/aggregate?site_id={site}
stats1   200     GET /api/v1/stats/timeseries?site_id={site}
stats1   200     GET /api/v1/stats/breakdown?site_id={site}&property=event:page
query    200     POST /api/v2/query                   {"site_id": "{site}", "retention": {}, "date_range": "day"}
sites1   200     GET /api/v1/sites
new1     400     POST /api/v1/sites                                 {"domain": "{site}"}
read1    200     GET /api/v1/sites/{site}
read1    200     GET /api/v1/sites/goals?site_id={site}
change1  200     PUT /api/v1/sites/goals?site_id={site}             {"goal_type": "event", "event_name": "a"}
change1  404     DELETE /api/v1/sites/goals/1?site_id={site}
links1   200     PUT /api/v1/sites/shared-links?site_id={site}      {"name": "a"}
sql      200     POST /api/sql                                      {"sql": "SELECT 1", "site_id": "{site}"}
whole    200     GET /api/stats/rejected?site_id={site}
list     200     GET /api/sites
look     200     GET /api/sites/{site}
change   200     PUT /api/sites/{site}                              {}
look     200     GET /api/sites/{site}/segments
change   201     POST /api/sites/{site}/segments  {"name": "a", "filters": [["is", "event:page", ["/"]]]}
change   404     PUT /api/sites/{site}/segments/99  {"name": "a", "filters": [["is", "event:page", ["/"]]]}
change   404     DELETE /api/sites/{site}/segments/99
change   200     DELETE /api/gdpr/erase?site_id={site}&start_date=2020-01-01&end_date=2020-01-02
manage   200     GET /api/keys
make     201     POST /api/keys                                     {"name": "a", "scope": "ReadOnly"}
make     200     DELETE /api/keys/{key}
manage   200     GET /api/links
make     201     POST /api/links                                    {"name": "a", "site_id": "{site}"}
make     200     DELETE /api/links/{slug}
open     200     POST /api/share/{slug}                             {}
form     409     POST /api/auth/setup                               {"password": "lantern-fjord-4"}
form     200     POST /api/auth/login                               {"password": "kettle-moss-17"}
make     409     POST /api/auth/password                            {"current": "kettle-moss-17", "new": "oak-lamp-3"}
end      200     POST /api/auth/logout
open     200     GET /api/auth/status
form     409     POST /auth/setup                                   {"password": "lantern-fjord-4"}
form     200     POST /auth/login                                   {"password": "kettle-moss-17"}
make     409     POST /auth/password                                {"current": "kettle-moss-17", "new": "oak-lamp-3"}
end      200     POST /auth/logout
open     200     GET /auth/status
open     202     POST /api/event                                    {"d": "{site}", "n": "pageview", "u": "/"}
open     200     GET /api/event?d={site}&n=pageview&u=/
open     200     HEAD /api/event?d={site}&n=pageview&u=/
open     204     OPTIONS /api/event
batch    202     POST /api/events                                   [{"d": "{site}", "n": "signup", "u": "/"}]
open     200     GET /health
open     200     HEAD /health
open     200     GET /health/ready
open     200     HEAD /health/ready
open     200     GET /health/detailed
open     200     GET /api/health
open     200     GET /api/system/health/live
open     200     GET /api/system/health/ready
open     200     GET /metrics
open     200     GET /robots.txt
open     200     HEAD /robots.txt
open     404     GET /.well-known/security.txt
open     404     HEAD /.well-known/security.txt
open     200     GET /openapi.json
open     200     HEAD /openapi.json
open     200     GET /api/v2/schema.json
open     200     GET /api/docs/query/schema.json
open     200     GET /docs
open     200     HEAD /docs
open     200     GET /tracking/script.js
open     200     HEAD /tracking/script.js
open     200     GET /js/script.js
open     200     HEAD /js/script.js
open     200     GET /
open     200     HEAD /
open     200     GET /style.css
"""
"""``status`` of who is let in. A password that MALLARD_ADMIN_PASSWORD gives is changed nowhere else: 409."""

TEMPLATES = {
    "/api/stats/breakdown/{dimension}": r"/api/stats/breakdown/\w+",
    "/api/sites/{site_id}": r"/api/sites/\{site\}",
    "/api/v1/sites/{domain}": r"/api/v1/sites/\{site\}",
    "/api/v1/sites/goals/{goal}": r"/api/v1/sites/goals/1",
    "/api/sites/{site_id}/segments": r"/api/sites/\{site\}/segments",
    "/api/sites/{site_id}/segments/{segment_id}": r"/api/sites/\{site\}/segments/99",
    "/api/keys/{key_hash}": r"/api/keys/\{key\}",
    "/api/links/{slug}": r"/api/links/\{slug\}",
    "/api/share/{slug}": r"/api/share/\{slug\}",
    "/tracking/{name}": r"/tracking/script\.js",
    "/js/{name}": r"/js/script\.js",
    "/*": r"/|/style\.css",
}
"""Paths of the application that stand for many, and those of the table that are of them."""


@dataclass(frozen=True)
class Line:
    """One request of the table, and what whoever may ask it is answered."""

    rule: str
    status: int
    method: str
    target: str
    body: str

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition("?")[0]


def rules() -> dict[str, dict[str, str]]:
    """By rule and person: ``ok`` or the status of a refusal."""
    found: dict[str, dict[str, str]] = {}
    for table in (WHO, PLAUSIBLE_WHO):
        head, *lines = table.strip("\n").splitlines()
        for line in lines:
            who, cells = line[:33].strip(), line[33:].split()
            for name, cell in zip(head.split(), cells, strict=True):
                found.setdefault(name, {})[who] = cell
    return found


def lines() -> list[Line]:
    """The requests of the table."""
    found = []
    for text in ROUTES.strip().splitlines()[1:]:
        rule, status, method, rest = text.split(maxsplit=3)
        target, _, body = rest.partition(" ")
        found.append(Line(rule, int(status), method, target, body.strip()))
    return found
