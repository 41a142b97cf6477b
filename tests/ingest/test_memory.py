"""Memory after a request: no address, no agent and no referrer's query, and nothing of what was erased."""

import asyncio
import gc
import json
import secrets
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from ingest.contexts import NOW, SITE, open_context, take
from mallard.auth.api_keys import ApiKeys
from mallard.bootstrap.ingest import open_parts, redaction_of
from mallard.bootstrap.store import open_store, open_to_write
from mallard.config import load_settings
from mallard.event import to_ms
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.pipeline import _arrival
from mallard.normalize.hashed_cache import forget_all
from mallard.privacy.rotation import known_rotation
from mallard.queue.local import LocalQueue
from mallard.server.embedded import Embedded
from mallard.server.event_connection import EventConnection
from mallard.sites.erased_days import ErasedDays
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore
from support.caches import cached_bytes
from support.live_objects import objects_holding
from support.server import Server

HEADERS = (
    "Host: stats.example\r\nUser-Agent: Mozilla/5.0 (Linux; Android 13; Z{model} Build/T1) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36 {word}\r\nAccept-Language: de-AT-x-{tag}, en\r\n"
    "X-Forwarded-For: {address}\r\nOrigin: https://example.com\r\n"
)


class Person:
    """Requests of one browser; its marks are new each time, and kept backwards so as not to be found here."""

    def __init__(self) -> None:
        address = f"203.0.113.{20 + secrets.randbelow(200)}"
        # Shorter ones also stand in some digest of another object now and then; a tag has 8 characters at most.
        sizes = {"word": 8, "model": 8, "tag": 4, "query": 8}
        words = {"address": address, **{name: secrets.token_hex(size) for name, size in sizes.items()}}
        self.backwards = {name: each[::-1] for name, each in words.items()}

    def requests(self) -> list[bytes]:
        """An event, and a pixel."""
        words = {name: each[::-1] for name, each in self.backwards.items()}
        headers, url = HEADERS.format(**words), "https://example.com/a"
        referrer = f"https://news.example/p?q={words['query']}"
        body = json.dumps({"d": "example.com", "n": "pageview", "u": url, "r": referrer})
        return [
            f"POST /api/event HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode(),
            f"GET /api/event?d=example.com&n=a&u={url}&r={referrer} HTTP/1.1\r\n{headers}\r\n".encode(),
        ]

    def left(self) -> list[str]:
        """The names of the marks that live objects hold."""
        gc.collect()
        words = {name: each[::-1] for name, each in self.backwards.items()}
        found = objects_holding(*words.values())
        return [name for name, word in words.items() if any(word in str(each) for each in found)]


@pytest.fixture
def app(store: LocalStore, queue: LocalQueue) -> IngestApp:
    settings = load_settings({})
    context = open_context(store, site_settings=SiteSettingsStore(store), privacy=redaction_of(settings))
    return IngestApp(context, queue, ApiKeys(store), trusted_proxies=settings.trusted_proxies)


async def left_after_requests(app: IngestApp, person: Person, numbers: list[int]) -> list[str]:
    """What is left of one connection's requests while it is still open."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(app, lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    connection = partial(EventConnection, app, config=config, server_state=ServerState(), app_state={})
    server = await loop.create_server(connection, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for number in numbers:
        writer.write(person.requests()[number])
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    await asyncio.sleep(0.01)
    left = person.left()
    writer.close()
    server.close()
    return left


@pytest.mark.sampled(3)
@pytest.mark.parametrize("numbers", [[0, 1, 0], [0], [1]], ids=["both", "event", "pixel"])
def test_memory_holds_no_request_data_while_the_connection_is_open(app: IngestApp, numbers: list[int]) -> None:
    forget_all()
    person = Person()
    assert asyncio.run(left_after_requests(app, person, numbers)) == []
    assert app.accepted == len(numbers)


PAGE = "https://example.com/a-page-that-is-erased"
DAY = NOW.date()


def erase(site_settings: SiteSettingsStore) -> None:
    site_settings.note_erasure(SITE, ErasedDays(DAY, DAY, to_ms(NOW)))


def test_erasure_empties_the_caches_of_its_own_process(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store, on_erasure=forget_all)
    take(open_context(store, site_settings=site_settings), url=PAGE)
    assert cached_bytes(_arrival) > 0
    erase(site_settings)
    assert cached_bytes(_arrival) == 0


def test_erasure_empties_the_caches_of_every_notified_process(store: LocalStore) -> None:
    seconds = iter(range(0, 10_000, 100))
    context = open_context(
        store, site_settings=SiteSettingsStore(store, clock=lambda: next(seconds), on_erasure=forget_all)
    )
    take(context, url=PAGE)
    erase(SiteSettingsStore(store))
    assert cached_bytes(_arrival) > 0
    take(context, url="/")
    before = cached_bytes(_arrival)
    assert 0 < before < 1200, "the next page alone"
    take(context, url=PAGE)
    take(context, url="/")
    assert cached_bytes(_arrival) > before, "an erasure is heard of once"


def test_server_empties_its_caches_on_erasure(tmp_path: Path) -> None:
    app = Embedded(load_settings({"MALLARD_DATA_DIR": str(tmp_path)}))
    app.start()
    try:
        _arrival(PAGE, None, SITE, True, True)
        assert cached_bytes(_arrival) > 0
        app._erase(SITE, DAY, DAY)
        assert cached_bytes(_arrival) == 0
    finally:
        app.stop()


def test_function_empties_its_caches_when_notified_of_an_erasure(tmp_path: Path) -> None:
    settings = load_settings({"MALLARD_DATA_DIR": str(tmp_path), "MALLARD_SITES": SITE})
    store = open_store(settings, may_list=False)
    parts = open_parts(settings, store, known_rotation(store))
    assert isinstance(parts.queue, LocalQueue)
    parts.queue.close()
    _arrival(PAGE, None, SITE, True, True)
    erase(SiteSettingsStore(open_to_write(settings)))
    parts.context.settings(SITE)
    assert cached_bytes(_arrival) == 0


DUMPS = """
import ctypes, resource
from mallard.server.core_dumps import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
"""``PR_GET_DUMPABLE`` is 3."""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_forbid_core_dumps_disables_dumps_and_ptrace() -> None:
    ended = subprocess.run([sys.executable, "-c", DUMPS], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["0", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_serve_forbids_core_dumps(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        limits = Path(f"/proc/{server.pid}/limits").read_text()
    (line,) = (each for each in limits.splitlines() if each.startswith("Max core file size"))
    assert line.split()[4] == "0"
