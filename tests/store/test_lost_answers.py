"""A network between us and the server: what did not come back is unknown, never a conflict, and never asked twice."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.base import Store
from mallard.table.write import TableWriter
from support.moto import moto_server
from support.proxy import Proxy, Trouble, proxy
from support.rows import HERE, deliveries, events, stored_ids
from support.s3 import Server

KEY = "events/a"
PATIENCE_SECONDS = 0.5

LOST = [Trouble.LOST_RESET, Trouble.LOST_500, Trouble.LOST_SILENCE]
NEVER_ARRIVED = [Trouble.REFUSED_500, Trouble.REFUSED_503, Trouble.RESET]


@pytest.fixture(scope="module")
def between() -> Iterator[Proxy]:
    with moto_server() as address, proxy(address) as running:
        yield running


@pytest.fixture(scope="module")
def server(between: Proxy) -> Server:
    return Server(between.address, read_timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def store(between: Proxy, server: Server) -> Store:
    between.troubles.clear()
    between.troubled = {"PUT"}
    return server.new_store()


def content(store: Store) -> bytes | None:
    stored = store.get(KEY)
    return stored.data if stored else None


@pytest.mark.parametrize("trouble", LOST + NEVER_ARRIVED, ids=lambda each: each.name)
def test_a_creation_without_a_clear_answer_is_unknown_and_sent_once(
    store: Store, between: Proxy, trouble: Trouble
) -> None:
    before = between.counts["PUT"]
    between.troubles.append(trouble)
    with pytest.raises(StoreUnavailableError):
        store.put_if_absent(KEY, b"1")
    assert between.counts["PUT"] == before + 1
    assert content(store) == (b"1" if trouble in LOST else None)


@pytest.mark.parametrize("trouble", LOST + NEVER_ARRIVED, ids=lambda each: each.name)
def test_a_swap_without_a_clear_answer_is_unknown_and_sent_once(store: Store, between: Proxy, trouble: Trouble) -> None:
    etag = store.put_if_absent(KEY, b"1")
    before = between.counts["PUT"]
    between.troubles.append(trouble)
    with pytest.raises(StoreUnavailableError):
        store.put_if_match(KEY, b"2", etag)
    assert between.counts["PUT"] == before + 1
    assert content(store) == (b"2" if trouble in LOST else b"1")


READS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get(KEY),
    "list": lambda store: list(store.list("")),
    "keeps_versions": lambda store: store.keeps_versions(),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("trouble", [*LOST, *NEVER_ARRIVED, Trouble.CUT_BODY], ids=lambda each: each.name)
def test_a_read_without_a_whole_answer_is_unavailable_and_sent_once(
    store: Store, between: Proxy, name: str, trouble: Trouble
) -> None:
    store.put_if_absent(KEY, b"some bytes")
    before = between.counts["GET"]
    between.troubled = {"GET"}
    between.troubles.append(trouble)
    with pytest.raises(StoreUnavailableError):
        READS[name](store)
    assert between.counts["GET"] == before + 1


@pytest.mark.parametrize("trouble", LOST + NEVER_ARRIVED, ids=lambda each: each.name)
def test_a_deletion_without_a_clear_answer_is_unavailable_and_sent_once(
    store: Store, between: Proxy, trouble: Trouble
) -> None:
    store.put_if_absent(KEY, b"1")
    before = between.counts["DELETE"]
    between.troubled = {"DELETE"}
    between.troubles.append(trouble)
    with pytest.raises(StoreUnavailableError):
        store.delete(KEY)
    assert between.counts["DELETE"] == before + 1


SCRIPTS = [
    [Trouble.LOST_RESET],
    [Trouble.LOST_500, Trouble.REFUSED_503],
    [Trouble.RESET, Trouble.LOST_SILENCE],
    [Trouble.NONE, Trouble.LOST_500, Trouble.NONE, Trouble.LOST_RESET],
    [Trouble.REFUSED_500, Trouble.RESET, Trouble.LOST_RESET, Trouble.NONE, Trouble.LOST_500],
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: " ".join(each.name for each in script))
def test_an_append_through_a_bad_network_neither_loses_nor_doubles(
    store: Store, between: Proxy, script: Sequence[Trouble]
) -> None:
    table = TableWriter(store, seal_rows=3, sleep=lambda seconds: None, jitter=lambda: 0.0)
    between.troubles.extend(script)
    for first in range(1, 9, 2):
        table.append(HERE, deliveries(events(first, first + 1)))
    assert not between.troubles
    assert stored_ids(store) == list(range(1, 9))


def test_an_append_whose_reads_fail_too_neither_loses_nor_doubles(store: Store, between: Proxy) -> None:
    table = TableWriter(store, seal_rows=3, sleep=lambda seconds: None, jitter=lambda: 0.0)
    between.troubled = {"PUT", "GET"}
    between.troubles.extend([Trouble.NONE, Trouble.NONE, Trouble.LOST_RESET, Trouble.CUT_BODY, Trouble.LOST_500])
    table.append(HERE, deliveries(events(1, 2, 3, 4)))
    between.troubles.clear()
    assert stored_ids(store) == [1, 2, 3, 4]
