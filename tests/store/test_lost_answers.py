"""A network between us and the server: what did not come back is unknown, never a conflict, and never asked twice."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.base import Store
from mallard.store.s3 import S3Store
from mallard.table.writer import TableWriter
from support.moto import moto_server
from support.proxy import Proxy, Trouble, proxy
from support.rows import HERE, deliveries, events, stored_ids
from support.s3 import Server

KEY = "events/a"
PATIENCE_SECONDS = 0.5
SOON_SECONDS = 30

LOST = [Trouble.LOST_RESET, Trouble.LOST_500, Trouble.LOST_SILENCE]
NEVER_ARRIVED = [Trouble.REFUSED_500, Trouble.REFUSED_503, Trouble.RESET]


@pytest.fixture(scope="module")
def between() -> Iterator[Proxy]:
    with moto_server() as address, proxy(address) as running:
        yield running


@pytest.fixture(scope="module")
def server(between: Proxy) -> Server:
    return Server(between.address)


@pytest.fixture
def store(between: Proxy, server: Server) -> S3Store:
    between.troubles.clear()
    between.troubled = {"PUT"}
    return server.new_store()


@pytest.fixture(scope="module")
def hasty(between: Proxy) -> Server:
    """For those who wait for what never comes, and for nobody else: a slow machine is slower at times."""
    return Server(between.address, read_timeout_seconds=PATIENCE_SECONDS)


def met_by(store: S3Store, hasty: Server, *troubles: Trouble) -> S3Store:
    """The same store, as it is asked where these troubles come."""
    return S3Store(hasty.session, hasty.client, store.bucket, "") if Trouble.LOST_SILENCE in troubles else store


@contextmanager
def sent_once(between: Proxy, method: str, trouble: Trouble) -> Iterator[None]:
    """Inside, one request of a method is in trouble and so unclear; it ends when the request has come where it goes."""
    sent, arrived = between.counts[method], between.forwarded[method] + (trouble not in NEVER_ARRIVED)
    between.troubled = {method}
    between.troubles.append(trouble)
    with pytest.raises(StoreUnavailableError):
        yield
    until = time.monotonic() + SOON_SECONDS
    while between.forwarded[method] < arrived and time.monotonic() < until:
        time.sleep(0.005)
    assert between.counts[method] == sent + 1


def content(store: Store) -> bytes | None:
    stored = store.get(KEY)
    return stored.data if stored else None


@pytest.mark.parametrize("trouble", LOST + NEVER_ARRIVED, ids=lambda each: each.name)
def test_creation_with_an_unclear_response_is_unknown_and_sent_once(
    store: S3Store, hasty: Server, between: Proxy, trouble: Trouble
) -> None:
    with sent_once(between, "PUT", trouble):
        met_by(store, hasty, trouble).put_if_absent(KEY, b"1")
    assert content(store) == (b"1" if trouble in LOST else None)


@pytest.mark.parametrize("trouble", LOST + NEVER_ARRIVED, ids=lambda each: each.name)
def test_swap_with_an_unclear_response_is_unknown_and_sent_once(
    store: S3Store, hasty: Server, between: Proxy, trouble: Trouble
) -> None:
    etag = store.put_if_absent(KEY, b"1")
    with sent_once(between, "PUT", trouble):
        met_by(store, hasty, trouble).put_if_match(KEY, b"2", etag)
    assert content(store) == (b"2" if trouble in LOST else b"1")


READS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get(KEY),
    "list": lambda store: list(store.list("")),
    "keeps_versions": lambda store: store.keeps_versions(),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("trouble", [*LOST, *NEVER_ARRIVED, Trouble.CUT_BODY], ids=lambda each: each.name)
def test_read_with_an_incomplete_response_is_unavailable_and_sent_once(
    store: S3Store, hasty: Server, between: Proxy, name: str, trouble: Trouble
) -> None:
    store.put_if_absent(KEY, b"some bytes")
    with sent_once(between, "GET", trouble):
        READS[name](met_by(store, hasty, trouble))


@pytest.mark.parametrize("trouble", LOST + NEVER_ARRIVED, ids=lambda each: each.name)
def test_deletion_with_an_unclear_response_is_unavailable_and_sent_once(
    store: S3Store, hasty: Server, between: Proxy, trouble: Trouble
) -> None:
    store.put_if_absent(KEY, b"1")
    with sent_once(between, "DELETE", trouble):
        met_by(store, hasty, trouble).delete(KEY)


SCRIPTS = [
    [Trouble.LOST_RESET],
    [Trouble.LOST_500, Trouble.REFUSED_503],
    [Trouble.RESET, Trouble.LOST_SILENCE],
    [Trouble.NONE, Trouble.LOST_500, Trouble.NONE, Trouble.LOST_RESET],
    [Trouble.REFUSED_500, Trouble.RESET, Trouble.LOST_RESET, Trouble.NONE, Trouble.LOST_500],
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: " ".join(each.name for each in script))
def test_append_over_a_bad_network_neither_loses_nor_doubles_events(
    store: S3Store, hasty: Server, between: Proxy, script: Sequence[Trouble]
) -> None:
    table = TableWriter(met_by(store, hasty, *script), seal_rows=3, sleep=lambda seconds: None, jitter=lambda: 0.0)
    between.troubles.extend(script)
    for first in range(1, 9, 2):
        table.append(HERE, deliveries(events(first, first + 1)))
    assert not between.troubles
    assert stored_ids(store) == list(range(1, 9))


def test_append_with_failing_reads_neither_loses_nor_doubles_events(store: Store, between: Proxy) -> None:
    table = TableWriter(store, seal_rows=3, sleep=lambda seconds: None, jitter=lambda: 0.0)
    between.troubled = {"PUT", "GET"}
    between.troubles.extend([Trouble.NONE, Trouble.NONE, Trouble.LOST_RESET, Trouble.CUT_BODY, Trouble.LOST_500])
    table.append(HERE, deliveries(events(1, 2, 3, 4)))
    between.troubles.clear()
    assert stored_ids(store) == [1, 2, 3, 4]
