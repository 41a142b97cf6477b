"""Who a request is of, and what they may."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from mallard.auth.admin_password import AdminPassword
from mallard.auth.api_keys import ApiKeys
from mallard.auth.authenticator import SHARE_SECONDS, UNKNOWN, UNSET, Authenticator, sessions_in
from mallard.auth.identity import ANONYMOUS, ANYONE, OWNER, Credential, Denied, Identity
from mallard.auth.login_sessions import LoginSessions
from mallard.auth.shared_links import SharedLinks
from support.auth import Clock, quick_hashing
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SITE, OTHER = "example.com", "example.org"
SECRET = b"s" * 32
DASHBOARD = "https://dash.example.org"
FOREIGN_PAGE = {"sec-fetch-site": "cross-site", "origin": "https://evil.example", "host": "stats.example.com"}


@dataclass
class House:
    """An authenticator and its parts."""

    store: MemoryStore
    passwords: AdminPassword
    sessions: LoginSessions
    keys: ApiKeys
    links: SharedLinks
    authenticator: Authenticator

    def who(self, method: str = "GET", now: datetime = NOW, **headers: str) -> Identity | Denied:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.authenticator.identify({"host": "stats.example.com", **given}, method, now)


def house(*, is_open: bool = False, password: str = "kettle-moss-17") -> House:
    store, clock, hashing = MemoryStore(), Clock(), quick_hashing()
    passwords = AdminPassword(store, hashing=hashing, clock=clock)
    if password:
        passwords.set_first(password, NOW)
    sessions = LoginSessions(store, SECRET, passwords.mark, lasts_seconds=86_400, clock=clock)
    keys, links = ApiKeys(store, clock=clock, now=lambda: NOW), SharedLinks(store, hashing, clock=clock)
    authenticator = Authenticator(
        passwords=passwords,
        sessions=sessions,
        keys=keys,
        links=links,
        secret=SECRET,
        is_open=is_open,
        dashboard_origin=DASHBOARD,
    )
    return House(store, passwords, sessions, keys, links, authenticator)


def test_a_session_is_the_owner_s_by_cookie_or_as_a_bearer_token() -> None:
    place = house()
    token = place.sessions.begin(NOW)
    assert place.who(cookie=f"theme=dark; mm_session={token}") == OWNER
    assert place.who(authorization=f"Bearer {token}") == OWNER
    assert place.who(now=NOW + timedelta(days=1), cookie=f"mm_session={token}") == ANONYMOUS
    assert place.who(now=NOW + timedelta(days=1), authorization=f"Bearer {token}") == UNKNOWN


@pytest.mark.parametrize("scope", ["ReadOnly", "Admin", "Ingest"])
def test_key_is_accepted_in_either_header(scope: str) -> None:
    place = house()
    text, _ = place.keys.create("a", scope, NOW, (SITE,))
    expected = Identity(Credential.KEY, scope, (SITE,))
    assert place.who(authorization=f"Bearer {text}") == place.who(x_api_key=text) == expected


def test_missing_credentials_are_anonymous_and_wrong_ones_refused() -> None:
    place = house()
    revoked, key = place.keys.create("a", "Admin", NOW)
    place.keys.revoke(key.key_hash)
    assert place.who() == place.who(cookie="mm_session=") == place.who(cookie="mm_session=wrong") == ANONYMOUS
    wrong = [revoked, "mm_" + "A" * 43, "wrong", "a.b", "é"]
    assert {place.who(authorization=f"Bearer {text}") for text in wrong} == {UNKNOWN}
    assert place.who(authorization="Basic abc") == ANONYMOUS


def test_header_credentials_win_over_the_cookie() -> None:
    place = house()
    cookie = f"mm_session={place.sessions.begin(NOW)}"
    text, _ = place.keys.create("a", "Ingest", NOW)
    assert place.who(cookie=cookie, x_api_key=text) == Identity(Credential.KEY, "Ingest")
    assert place.who(cookie=cookie, x_api_key="mm_wrong") == UNKNOWN


def test_authenticator_recognises_no_credential_until_a_password_is_set() -> None:
    place = house(password="")
    text, _ = place.keys.create("a", "Admin", NOW)
    assert place.who() == place.who(x_api_key=text) == UNSET
    assert UNSET.status == 401
    place.passwords.set_first("kettle-moss-17", NOW)
    assert place.who(x_api_key=text) == Identity(Credential.KEY, "Admin")


def test_link_token_gives_its_site_and_filter_until_revoked_or_expired() -> None:
    place = house()
    link = place.links.create(SITE, "a", NOW, filters='[["is","visit:country",["DE"]]]')
    token = f"Bearer {place.authenticator.let_in(link, NOW)}"
    expected = Identity(Credential.LINK, "ReadOnly", (SITE,), '[["is","visit:country",["DE"]]]')
    assert place.who(authorization=token) == expected
    assert place.who(now=NOW + timedelta(seconds=SHARE_SECONDS), authorization=token) == UNKNOWN
    place.sessions.end_all()
    assert place.who(authorization=token) == expected
    place.links.revoke(link.slug)
    assert place.who(authorization=token) == UNKNOWN


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_cookie_is_accepted_for_writes_from_own_pages_only(method: str) -> None:
    place = house()
    token = place.sessions.begin(NOW)
    cookie = f"mm_session={token}"
    assert place.who(method, cookie=cookie, sec_fetch_site="same-origin") == OWNER
    assert place.who(method, cookie=cookie, origin="https://stats.example.com") == OWNER
    assert place.who(method, cookie=cookie, origin=DASHBOARD, sec_fetch_site="cross-site") == OWNER
    refused = [
        place.who(method, cookie=cookie),
        place.who(method, cookie=cookie, origin="https://evil.example"),
        place.who(method, cookie=cookie, origin="null"),
        place.who(method, cookie=cookie, sec_fetch_site="same-site"),
    ]
    assert [each.status for each in refused if isinstance(each, Denied)] == [403] * 4
    assert place.who("GET", cookie=cookie, sec_fetch_site="cross-site") == OWNER
    assert place.who(method, authorization=f"Bearer {token}", origin="https://evil.example") == OWNER


def test_open_server_accepts_everyone_except_cross_site_writes() -> None:
    place = house(is_open=True, password="")
    assert place.who() == place.who("DELETE") == place.who("PUT", sec_fetch_site="same-origin") == ANYONE
    refused = place.authenticator.identify(FOREIGN_PAGE, "DELETE", NOW)
    assert isinstance(refused, Denied)
    assert refused.status == 403


Ask = Callable[[Identity], Denied | None]
ASKS: dict[str, Ask] = {
    "read": lambda who: who.refusal_to_read(SITE, is_public=False),
    "read other": lambda who: who.refusal_to_read(OTHER, is_public=False),
    "read public": lambda who: who.refusal_to_read(OTHER, is_public=True),
    "change": lambda who: who.refusal_to_change(SITE),
    "change other": lambda who: who.refusal_to_change(OTHER),
    "manage": lambda who: who.refusal_to_manage(),
}
LINK = Identity(Credential.LINK, "ReadOnly", (SITE,))
MATRIX = """
who             read  read other  read public  change  change other  manage
session         yes   yes         yes          yes     yes           yes
anyone          yes   yes         yes          yes     yes           yes
Admin           yes   yes         yes          yes     yes           yes
Admin, site     yes   403         yes          yes     403           403
ReadOnly        yes   yes         yes          403     403           403
ReadOnly, site  yes   403         yes          403     403           403
Ingest          403   403         yes          403     403           403
link            yes   403         yes          403     403           403
nobody          401   401         yes          401     401           401
"""
PEOPLE = {
    "session": OWNER,
    "anyone": ANYONE,
    "Admin": Identity(Credential.KEY, "Admin"),
    "Admin, site": Identity(Credential.KEY, "Admin", (SITE,)),
    "ReadOnly": Identity(Credential.KEY, "ReadOnly"),
    "ReadOnly, site": Identity(Credential.KEY, "ReadOnly", (SITE,)),
    "Ingest": Identity(Credential.KEY, "Ingest"),
    "link": LINK,
    "nobody": ANONYMOUS,
}


def test_permissions_by_credential() -> None:
    lines = [f"{'who':16}" + "".join(f"{ask:{width(ask)}}" for ask in ASKS)]
    for name, who in PEOPLE.items():
        cells = [(asks(who), ask) for ask, asks in ASKS.items()]
        lines.append(
            f"{name:16}" + "".join(f"{denied.status if denied else 'yes':<{width(ask)}}" for denied, ask in cells)
        )
    assert [line.rstrip() for line in lines] == MATRIX.strip().splitlines()


def width(ask: str) -> int:
    return max(len(ask), 4) + 2


def test_refusals_are_sentences() -> None:
    for who in PEOPLE.values():
        for ask in ASKS.values():
            denied = ask(who)
            assert denied is None or denied.sentence.endswith(".")


def test_readable_sites_depend_on_the_identity() -> None:
    sites = [SITE, OTHER, "public.example"]
    seen = {name: who.readable(sites, {"public.example"}) for name, who in PEOPLE.items()}
    assert seen["session"] == seen["ReadOnly"] == sites
    assert seen["ReadOnly, site"] == seen["link"] == [SITE, "public.example"]
    assert seen["Ingest"] == seen["nobody"] == ["public.example"]


@pytest.mark.parametrize(
    ("cookie", "tokens"),
    [
        ("mm_session=a.b", ["a.b"]),
        ('x=1; mm_session="a.b" ; y=2', ["a.b"]),
        ("mm_session=theirs; mm_session=ours", ["theirs", "ours"]),
        ("mm_session=plain; __Host-mm_session=secure", ["secure", "plain"]),
        ("; ".join(f"mm_session={n}" for n in range(9)), ["0", "1", "2", "3"]),
        ("mm_session=; mm_session=a", ["a"]),
        ("mm_session=a=b", ["a=b"]),
        ("xmm_session=a; mm_sessions=b", []),
        ("", []),
        (";;=;", []),
    ],
)
def test_session_cookie_is_found_among_others(cookie: str, tokens: list[str]) -> None:
    assert sessions_in({"cookie": cookie}) == tokens
