"""Requests of all kinds that a server meets, sound and broken, with the addresses and agents of given people."""

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from support.audit import Person

SITE = "example.com"
OTHER = "other.example"
BOTS = ("Googlebot/2.1 {}", "curl/8.5.0 {}", "GPTBot/1.2 {}", "HeadlessChrome/120 {}", "{}")


@dataclass(frozen=True)
class Wire:
    """One HTTP request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


def page_view(person: Person, **changes: Any) -> Wire:
    """Of a browser behind a proxy."""
    event = {"d": SITE, "n": "pageview", "u": f"https://{SITE}/{person.token[:2]}", "w": 1280, **changes}
    return Wire("POST", "/api/event", headers_of(person), json.dumps(event).encode())


def headers_of(person: Person, **more: str) -> dict[str, str]:
    return {"User-Agent": person.agent, "X-Forwarded-For": str(person.address), "Content-Type": "text/plain", **more}


def pixel(person: Person) -> Wire:
    query = urlencode({"d": SITE, "n": "pageview", "u": f"https://{SITE}/pixel", "w": "x"[: len(person.token) % 2]})
    return Wire("GET", f"/api/event?{query}", headers_of(person))


def odd_address(person: Person) -> Wire:
    """Forwarded with a port, brackets, in capitals, after a forged one, twice."""
    text = str(person.address)
    host = f"[{text.upper()}]:4711" if person.address.version == 6 else f"{text}:4711"
    return Wire(
        "POST", "/api/event", headers_of(person, **{"X-Forwarded-For": f"unknown, {host}"}), page_view(person).body
    )


def odd_agent(person: Person, turn: int) -> Wire:
    agents = [f"{person.token} \xff\xfe\xe4", person.agent * 40, f"{person.agent}\t{{}}", person.token]
    agent = agents[turn % len(agents)]
    return Wire("POST", "/api/event", headers_of(person, **{"User-Agent": agent}), page_view(person).body)


def bot(person: Person, turn: int) -> Wire:
    agent = BOTS[turn % len(BOTS)].format(person.token)
    return Wire("POST", "/api/event", headers_of(person, **{"User-Agent": agent}), page_view(person).body)


def broken(person: Person, turn: int) -> Wire:
    """Bodies that are refused, with the person's own words in some."""
    own = f"{person.address} {person.agent}"
    bodies = [
        b"",
        b"{",
        own.encode(),
        json.dumps([own]).encode(),
        json.dumps({"d": SITE, "u": own}).encode(),
        json.dumps({"d": SITE, "n": "pageview", "u": own}).encode(),
        json.dumps({"d": own, "n": "pageview", "u": "/"}).encode(),
        json.dumps({"d": SITE, "n": "pageview", "u": "/", "w": own}).encode(),
        json.dumps({"d": SITE, "n": "pageview", "u": "/", "p": own}).encode(),
        own.encode() * 2000,
        b"\xff\xfe" + own.encode(),
    ]
    body = bodies[turn % len(bodies)]
    return Wire("POST", "/api/event", headers_of(person), body)


def opted_out(person: Person) -> Wire:
    return Wire("POST", "/api/event", headers_of(person, **{"Sec-GPC": "1"}), page_view(person).body)


def prefetched(person: Person) -> Wire:
    return Wire("POST", "/api/event", headers_of(person, **{"Sec-Purpose": "prefetch"}), page_view(person).body)


def erring(person: Person, turn: int) -> Wire:
    """Errors of other routes, and methods that are none of ours."""
    wires = [
        ("GET", "/api/stats/main?site_id=&period=never"),
        ("GET", f"/api/stats/breakdown/nothing?site_id={SITE}"),
        ("GET", "/api/nowhere"),
        ("PUT", "/api/event"),
        ("OPTIONS", "/api/event"),
        ("POST", "/api/events"),
        ("PUT", f"/api/sites/{SITE}"),
        ("GET", "/dashboard/../../etc/passwd"),
    ]
    method, path = wires[turn % len(wires)]
    return Wire(method, path, headers_of(person), b"{" if method != "GET" else b"")


KINDS: Sequence[Callable[[Person, int], Wire]] = (
    lambda person, _: page_view(person),
    lambda person, _: page_view(person),
    lambda person, _: pixel(person),
    lambda person, _: odd_address(person),
    odd_agent,
    bot,
    broken,
    lambda person, _: opted_out(person),
    lambda person, _: prefetched(person),
    erring,
)


def wild(persons: Sequence[Person]) -> Iterator[Wire]:
    """One request of each person, all kinds in turn; a kind's next variant at each turn."""
    for number, person in enumerate(persons):
        yield KINDS[number % len(KINDS)](person, number // len(KINDS))


def batch(persons: Sequence[Person], key: str) -> Wire:
    """Rows that a server vouches for, every third of them wrong."""
    now = datetime.now(UTC).isoformat()
    rows = [
        {
            "d": SITE,
            "n": "signup",
            "u": "/batch",
            "ts": now if number % 3 else str(person.address),
            "ip": str(person.address) if number % 5 else f"{person.address}.",
            "ua": person.agent,
        }
        for number, person in enumerate(persons)
    ]
    own = persons[0]
    headers = headers_of(own, Authorization=f"Bearer {key}")
    return Wire("POST", "/api/events", headers, "\n".join(map(json.dumps, rows)).encode() + b"\nno row")


def ask(origin: str, wire: Wire) -> tuple[int, bytes]:
    """Status, and the whole answer as bytes: headers and body."""
    host, port = origin.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request(wire.method, wire.path, wire.body, wire.headers)
        answer = connection.getresponse()
        return answer.status, str(answer.getheaders()).encode() + answer.read()
    finally:
        connection.close()
