"""One page view with a fixed time, salt and address, followed to everything it leaves: the rows of docs/privacy.md."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.aws.powertools import Powertools
from mallard.bootstrap.ingest import redaction_of
from mallard.bootstrap.place_lookup import open_geo
from mallard.config import Settings
from mallard.drops.drop_counts import add_notes
from mallard.drops.drop_note import DropNote
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from mallard.ingest.event_ids import EventIds
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import RateLimit
from mallard.maintenance.rollup_builder import build_rollups
from mallard.privacy.salts import Salts, ingest_key, salt_key, visitor_key
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.messages import partitions, read_deliveries
from mallard.table.rollup import rollup_key
from mallard.table.writer import TableWriter
from support.functions import Context, request
from support.memory import MemoryQueue, MemoryStore
from support.rollups import decode_rollup
from support.rows import segments

SITE = "example.com"
DAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 15, 30, 12, 345_000, tzinfo=UTC)
ADDRESS = "203.0.113.7"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SALT = bytes(range(32))
SECRET = "an example of MALLARD_SECRET"
EDGE = "an example of MALLARD_EDGE_SECRET"
BODY = {
    "d": SITE,
    "n": "pageview",
    "u": "https://example.com/caf%C3%A9?utm_source=letter&session=4711",
    "r": "https://www.google.com/search?q=mallards",
    "w": 1440,
    "i": "Xq3vT0cZ",
}
HEADERS = {
    "User-Agent": AGENT,
    "Accept-Language": "de-AT,de;q=0.9",
    "Origin": "https://example.com",
    "X-Mallard-Edge": EDGE,
    "CloudFront-Viewer-Address": f"{ADDRESS}:50123",
    "CloudFront-Viewer-Country": "AT",
    "CloudFront-Viewer-Country-Region-Name": "Vienna",
    "CloudFront-Viewer-City": "Vienna",
}
COUNTED = (
    "dimension",
    "value",
    "visitors",
    "visits",
    "bounces",
    "duration_ms",
    "visit_pageviews",
    "pageviews",
    "events",
)


def shown() -> dict[str, str]:
    """Each place's name, and what the page view leaves there, as the document shows it."""
    store = MemoryStore()
    message, emf = taken(store, Settings())
    write(store, message)
    counts = MemoryStore()
    note = DropNote(SITE, DAY.isoformat(), int(NOW.timestamp() * 1000), "bot")
    add_notes(counts, [note])
    return {
        "request": "\n".join(["POST /api/event", *(f"{n}: {v}" for n, v in HEADERS.items()), "", as_json(BODY)]),
        "message": as_json(json.loads(message)),
        "row": as_table(stored_row(store)),
        "rollup": rollup(store),
        "salt": as_file(store, salt_key(SITE, DAY.isoformat())),
        "metric": emf,
        "drop": f"{note.to_message().decode()}\n\n" + as_file(counts, f"rejected/date={DAY}/counts.json"),
        "less": as_json(json.loads(taken(MemoryStore(), Settings(gdpr_mode=True))[0])),
    }


def taken(store: Store, settings: Settings) -> tuple[bytes, str]:
    """The message that the ingest function queues, and all that it prints."""
    key = ingest_key(store, "", SECRET)
    context = IngestContext(
        sites=AllowedSites((SITE,)),
        salts=Salts(store, visitor_key(key), random_bytes=lambda _: SALT),
        event_ids=EventIds(key, lambda _: 0),
        rate_limit=RateLimit(0),
        privacy=redaction_of(settings),
        geo=open_geo(settings),
        edge=CdnHeaders(EDGE),
    )
    queue, printed = MemoryQueue(), StringIO()
    ticks = iter((0.0, 0.00125))
    event = request(body=json.dumps(BODY), headers=HEADERS, source="192.0.2.1")
    with redirect_stdout(printed), Powertools("ingest", seconds=lambda: next(ticks)).invocation(Context()) as counts:
        assert answer_gateway(event, context, queue, ApiKeys(store), NOW, counts)["statusCode"] == 202
    (message,) = queue.receive(10)
    emf = json.loads(printed.getvalue())
    emf["_aws"]["Timestamp"] = int(NOW.timestamp() * 1000)
    return message.body, json.dumps(emf)


def recomputed_visitor_id() -> int:
    """As who has the salt, the secret, an address and an agent would compute it, by the document's formula."""
    ingest = hkdf(SECRET.encode(), "ingest").hex().encode()
    key = hmac.digest(hkdf(ingest, "visitor ids"), SALT, hashlib.sha256)
    return int.from_bytes(hmac.digest(key, f"{ADDRESS}|{AGENT}".encode(), hashlib.sha256)[:8], "big") >> 1


def hkdf(secret: bytes, purpose: str) -> bytes:
    """RFC 5869 with SHA-256, the salt ``mallard``, the purpose as info and 32 bytes of output."""
    return hmac.digest(hmac.digest(b"mallard", secret, "sha256"), purpose.encode() + b"\x01", "sha256")


def write(store: Store, message: bytes) -> None:
    ((partition, _, rows),) = partitions(read_deliveries([message]))
    TableWriter(store).append(partition, rows)


def stored_row(store: Store) -> dict[str, Any]:
    (segment,) = segments(store, Partition(SITE, DAY))
    (row,) = segment.rows.to_pylist()
    return dict(row)


def rollup(store: Store) -> str:
    """The day's rows, once it is over."""
    with engine(store) as counting:
        build_rollups(store, counting, NOW + timedelta(days=2))
    stored = store.get(rollup_key(SITE, DAY.replace(day=1)))
    assert stored is not None
    rows = decode_rollup(stored.data)
    assert rows is not None
    found = sorted(rows.select(COUNTED).to_pylist(), key=lambda row: (row["dimension"], str(row["value"])))
    lines = [list(COUNTED), *([_cell(row[name]) for name in COUNTED] for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


@contextmanager
def engine(store: Store) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    try:
        yield made
    finally:
        made.close()


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def as_table(row: dict[str, Any]) -> str:
    return "\n".join(f"{name:<16}  {'null' if value is None else value}" for name, value in row.items())


def as_file(store: Store, key: str) -> str:
    stored = store.get(key)
    assert stored is not None
    return f"{key}\n{stored.data.decode()}"
