"""Libraries of Python that send to Plausible's Events API, unmodified, send to a running server."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.operate import ask, guarded, log_in, make_key
from support.peers import SENDERS, peer_python
from support.processes import Processes, free_port, listens
from support.server import FIREFOX, Server
from support.stand_in import standing_in
from support.tls import private_authority

pytestmark = pytest.mark.heavy

DJANGO = """
import sys
from wsgiref.simple_server import make_server
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="django", ALLOWED_HOSTS=["django.example"], ROOT_URLCONF=__name__,
    INSTALLED_APPS=["plausible_proxy"], TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    PLAUSIBLE_BASE_URL=sys.argv[1], PLAUSIBLE_DOMAIN="django.example", PLAUSIBLE_SCRIPT_PREFIX="own/js",
    PLAUSIBLE_REQUEST_TIMEOUT=30,
)
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path
from plausible_proxy import send_custom_event

def front(request):
    page = "{% load plausible %}{% plausible script='script.outbound-links.js' %}"
    return HttpResponse(engines["django"].from_string(page).render({}, request))

def buy(request):
    return HttpResponse(str(send_custom_event(request, name="Buy", props={"plan": "a"})))

urlpatterns = [path("", include("plausible_proxy.urls")), path("", front), path("buy", buy)]
make_server("127.0.0.1", int(sys.argv[2]), get_wsgi_application()).serve_forever()
"""

EVENTS = """
import json
import sys
from plausible_events import PlausibleEvents
client = PlausibleEvents(**json.loads(sys.argv[1]), debug=True)
client.pageview("/welcome", utm={"source": "letter"})
client.event("Buy", props={"seats": 3}, path="/till")
"""

FAR = "192.0.2.0/24"
FIRST, SECOND, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@dataclass(frozen=True)
class Receiver:
    """A server and the headers of its owner."""

    server: Server
    owner: dict[str, str]

    def get(self, path: str) -> Any:
        """The parsed answer to the owner."""
        status, text = ask(self.server, path, headers=self.owner)
        assert status == 200, text
        return json.loads(text)

    def breakdown(self, dimension: str, site: str) -> dict[str, int]:
        """Visitors by value."""
        rows = self.get(f"/api/stats/breakdown/{dimension}?site_id={site}&period=7d")
        return {row["value"]: row["visitors"] for row in rows}

    def main(self, site: str) -> tuple[int, int]:
        """Visitors and pageviews."""
        found = self.get(f"/api/stats/main?site_id={site}&period=7d")
        return found["unique_visitors"], found["total_pageviews"]


@contextmanager
def receiving(folder: Path, proxies: str) -> Iterator[Receiver]:
    """A receiver that believes these proxies."""
    with guarded(folder / "data", MALLARD_TRUSTED_PROXIES=proxies, MALLARD_COUNT_LOCAL="true") as server:
        yield Receiver(server, log_in(server))


@pytest.fixture(scope="module")
def distrustful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A server to which this machine is no proxy."""
    with receiving(tmp_path_factory.mktemp("distrustful"), FAR) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def trustful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A server to which one address of this machine is a proxy, and the visitors' addresses are not."""
    with receiving(tmp_path_factory.mktemp("trustful"), "127.0.0.1/32") as receiver:
        yield receiver


@dataclass(frozen=True)
class Django:
    """A site of Django at a port."""

    port: int

    def ask(
        self, path: str, body: bytes | None = None, source: str = FIRST, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of a request of a browser at an address."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0))
        named = {"Host": "django.example", "User-Agent": FIREFOX, "Content-Type": "text/plain", **(headers or {})}
        connection.request("GET" if body is None else "POST", path, body, named)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def view(self, source: str, headers: dict[str, str] | None = None) -> int:
        """The status of a page view."""
        body = json.dumps({"d": "django.example", "n": "pageview", "u": "https://django.example/a"}).encode()
        return self.ask("/api/event", body, source, headers)[0]


@contextmanager
def site_of_django(receiver: Receiver, folder: Path) -> Iterator[Django]:
    """The site, whose proxy sends to the receiver."""
    port = free_port()
    (folder / "site.py").write_text(DJANGO)
    with Processes(folder) as processes:
        command = [str(peer_python(SENDERS)), str(folder / "site.py"), receiver.server.origin, str(port)]
        processes.start("django", command)
        processes.wait_until(lambda: listens(port), "django")
        yield Django(port)


def test_django_plausible_proxy_behind_a_trusted_address(trustful: Receiver, tmp_path: Path) -> None:
    with site_of_django(trustful, tmp_path) as site:
        status, page = site.ask("/")
        assert status == 200
        assert b'data-domain="django.example"' in page
        assert b'src="/own/js/script.outbound-links.js"' in page
        status, script = site.ask("/own/js/script.outbound-links.js")
        assert (status, script.decode()) == ask(trustful.server, "/js/script.outbound-links.js")
        assert site.ask("/own/js/script.unknown.js")[0] == 500

        forged = {"X-Forwarded-For": "198.51.100.7"}
        assert [site.view(FIRST), site.view(FIRST, forged), site.view(SECOND)] == [202, 202, 202]
        assert trustful.main("django.example") == (2, 3)
        # It does not forward the wish of a browser that wants no id.
        assert site.view(THIRD, {"Sec-GPC": "1"}) == 202
        assert trustful.main("django.example") == (3, 4)
        assert site.ask("/buy", source=SECOND) == (200, b"True")
    assert trustful.breakdown("events", "django.example") == {"pageview": 3, "Buy": 1}
    assert trustful.main("django.example") == (3, 4)
    assert trustful.breakdown("pages", "django.example") == {"/a": 3, "/buy": 1}


def test_django_plausible_proxy_at_an_address_that_is_not_trusted(distrustful: Receiver, tmp_path: Path) -> None:
    with site_of_django(distrustful, tmp_path) as site:
        assert [site.view(FIRST), site.view(SECOND)] == [202, 202]
    assert distrustful.main("django.example") == (1, 2)


def test_django_plausible_proxy_passes_a_refusal_on(distrustful: Receiver, tmp_path: Path) -> None:
    with site_of_django(distrustful, tmp_path) as site:
        status, text = site.ask("/api/event", b'{"d": "a b", "n": "pageview", "u": "https://a.example/"}')
    assert status == 400
    assert b"d must be a site id" in text


class AddressService(ThreadingHTTPServer):
    """Answers each GET as api.ipify.org does: with an address."""

    address = ""


class _Lookup(BaseHTTPRequestHandler):
    server: AddressService

    def do_GET(self) -> None:
        body = self.server.address.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Lookup:
    """The service, and the variables by which a program reaches it in place of api.ipify.org."""

    service: AddressService
    environment: dict[str, str]


@pytest.fixture(scope="module")
def lookup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lookup]:
    authority = private_authority(tmp_path_factory.mktemp("lookup"), "api.ipify.org")
    with AddressService(("127.0.0.1", 0), _Lookup) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{service.server_port}"
        with standing_in(origin, authority.context) as proxy:
            yield Lookup(service, {"HTTPS_PROXY": proxy.address, "REQUESTS_CA_BUNDLE": str(authority.bundle)})
            assert proxy.hosts == {"api.ipify.org:443"}
        service.shutdown()


def send(lookup: Lookup, receiver: Receiver, site: str, address: str, **headers: str) -> None:
    """A page view and an event of plausible-events on a machine with this address."""
    lookup.service.address = address
    options = {"api": f"{receiver.server.origin}/api/event", "domain": site, "headers": headers}
    command = [str(peer_python(SENDERS)), "-c", EVENTS, json.dumps(options)]
    environment = {"PATH": os.environ["PATH"], **lookup.environment}
    # Its thread never ends, and tries again forever what was refused.
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines: list[str] = []
        try:
            while sum(line.startswith("event:") for line in lines) < 2:
                lines.append(program.stdout.readline())
                assert lines[-1], "it ended"
                assert "exception" not in lines[-1], lines
        finally:
            program.kill()


def test_plausible_events_with_a_key_names_the_address_of_its_machine(distrustful: Receiver, lookup: Lookup) -> None:
    key = make_key(distrustful.server, distrustful.owner, "Ingest")["X-API-Key"]
    for address in ("203.0.113.1", "203.0.113.2"):
        send(lookup, distrustful, "app.example", address, **{"User-Agent": FIREFOX, "Authorization": f"Bearer {key}"})
    assert distrustful.main("app.example") == (2, 2)
    assert distrustful.breakdown("events", "app.example") == {"pageview": 2, "Buy": 2}
    assert distrustful.breakdown("pages", "app.example") == {"/welcome": 2, "/till": 2}
    assert distrustful.breakdown("sources", "app.example") == {"letter": 2}
    filters = quote('[["is","event:props:seats",["3"]]]')
    assert distrustful.get(f"/api/stats/main?site_id=app.example&period=7d&filters={filters}")["events"] == 2


def test_plausible_events_without_a_key_is_one_visitor(distrustful: Receiver, lookup: Lookup) -> None:
    for address in ("203.0.113.1", "203.0.113.2"):
        send(lookup, distrustful, "bare.example", address, **{"User-Agent": FIREFOX})
    assert distrustful.main("bare.example") == (1, 2)


def test_plausible_events_under_its_own_user_agent_is_a_bot(distrustful: Receiver, lookup: Lookup) -> None:
    send(lookup, distrustful, "bot.example", "203.0.113.1")
    assert distrustful.main("bot.example") == (0, 0)
