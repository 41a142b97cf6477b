"""Servers that compare If-Match byte by byte: the form they take is found out once and remembered."""

from collections.abc import Iterator

import pytest

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store
from support.moto import moto_server
from support.proxy import Proxy, Trouble, proxy
from support.s3 import Server

KEY = "events/a"


@pytest.fixture(scope="module")
def server() -> Iterator[Proxy]:
    with moto_server() as address, proxy(address) as running:
        yield running


@pytest.fixture
def store(server: Proxy) -> Store:
    server.troubles.clear()
    server.only_etags = ""
    store = Server(server.address).new_store()
    server.counts.clear()
    return store


def content(store: Store) -> bytes | None:
    stored = store.get(KEY)
    return stored.data if stored else None


@pytest.mark.parametrize(
    ("form", "first", "second"), [("bare", {"PUT": 1}, {"PUT": 1}), ("quoted", {"PUT": 2, "HEAD": 1}, {"PUT": 1})]
)
def test_etag_form_is_detected_by_the_first_swap_and_remembered(
    store: Store, server: Proxy, form: str, first: dict[str, int], second: dict[str, int]
) -> None:
    server.only_etags = form
    etag = store.put_if_absent(KEY, b"1")
    server.counts.clear()
    etag = store.put_if_match(KEY, b"2", etag)
    assert dict(server.counts) == first
    server.counts.clear()
    store.put_if_match(KEY, b"3", etag)
    assert dict(server.counts) == second
    assert content(store) == b"3"


@pytest.mark.parametrize("form", ["bare", "quoted"])
def test_stale_etag_is_a_conflict_before_and_after_the_etag_form_is_known(
    store: Store, server: Proxy, form: str
) -> None:
    server.only_etags = form
    etag = store.put_if_absent(KEY, b"1")
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"2", "0" * 32)
    newer = store.put_if_match(KEY, b"3", etag)
    server.counts.clear()
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"4", etag)
    assert dict(server.counts) == {"PUT": 1}
    assert content(store) == b"3"
    store.put_if_match(KEY, b"5", newer)


def test_lost_swap_is_a_conflict_in_the_other_etag_form_too(store: Store, server: Proxy) -> None:
    server.only_etags = "none"
    etag = store.put_if_absent(KEY, b"1")
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"2", etag)
    server.only_etags = "bare"
    store.put_if_match(KEY, b"3", etag)
    assert content(store) == b"3"


def test_refusal_is_a_conflict_when_the_etag_cannot_be_read(store: Store, server: Proxy) -> None:
    server.only_etags, server.troubled = "quoted", {"HEAD"}
    etag = store.put_if_absent(KEY, b"1")
    server.troubles.append(Trouble.REFUSED_500)
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"2", etag)
    store.put_if_match(KEY, b"3", etag)


def test_lost_response_in_the_other_etag_form_is_unknown(store: Store, server: Proxy) -> None:
    server.only_etags, server.troubled = "quoted", {"PUT"}
    etag = store.put_if_absent(KEY, b"1")
    server.troubles.extend([Trouble.NONE, Trouble.LOST_RESET])
    with pytest.raises(StoreUnavailableError):
        store.put_if_match(KEY, b"2", etag)
    assert content(store) == b"2"
