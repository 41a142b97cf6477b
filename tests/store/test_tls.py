"""S3 over HTTPS with an authority of one's own, for the SDK and for DuckDB alike."""

from collections.abc import Iterator

import duckdb
import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.probe import probe_writes
from mallard.store.s3 import S3Store, connect
from mallard.table.writer import TableWriter
from support.moto import REGION, moto_server
from support.proxy import proxy
from support.rows import HERE, deliveries, events
from support.s3 import Server
from support.tls import Authority, private_authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return private_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def addresses(authority: Authority) -> Iterator[tuple[str, str]]:
    """One server, without and with TLS."""
    with moto_server() as plain, proxy(plain, tls=authority.context) as secure:
        yield plain, secure.address


@pytest.fixture
def location(addresses: tuple[str, str]) -> str:
    return f"s3://{Server(addresses[0]).new_bucket()}/prefix"


def store_at(addresses: tuple[str, str], location: str) -> S3Store:
    return connect(location, endpoint=addresses[1], region=REGION)


def test_server_with_an_unknown_authority_is_unavailable(addresses: tuple[str, str], location: str) -> None:
    with pytest.raises(StoreUnavailableError, match="SSLError"):
        store_at(addresses, location).get("a")


def test_authority_of_aws_ca_bundle_is_trusted(
    addresses: tuple[str, str], location: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    assert all(each.ok for each in probe_writes(store_at(addresses, location), rounds=2))


def count_by_duckdb(store: S3Store) -> object:
    with duckdb.connect() as connection:
        for statement in store.reader_setup():
            connection.execute(statement)
        return connection.execute(f"SELECT count(*) FROM read_parquet('{store.location(HERE.segment(0))}')").fetchone()


def test_duckdb_trusts_the_same_authority(
    addresses: tuple[str, str], location: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    store = store_at(addresses, location)
    TableWriter(store).append(HERE, deliveries(events(1, 2, 3)))
    assert count_by_duckdb(store) == (3,)


def test_duckdb_refuses_an_unknown_authority(addresses: tuple[str, str], location: str) -> None:
    with pytest.raises(duckdb.IOException, match="SSL"):
        count_by_duckdb(store_at(addresses, location))
