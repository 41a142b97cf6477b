"""Streamed downloads of a site and range: a row for each day, or the events."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from mallard.engine.base import PENDING, Engine
from mallard.engine.omitted_files import require_complete
from mallard.errors import QueryStoppedError, QueryTooLargeError, QueryTooLongError, StoreUnavailableError
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.metrics import METRICS
from mallard.stats.query import DAY, Query
from mallard.transfer.formats.writers import MEDIA_TYPES, FormatWriter, download_writer

WHAT = ("days", "events")
MAX_EVENTS = 5_000_000
MEMORY_BYTES = 4 * 1024 * 1024
"""Of what is made and not yet sent; beyond, it lies on disk."""

PIECE_BYTES = 256 * 1024

DAYS = pa.schema(
    [
        pa.field("date", pa.date32()),
        pa.field("visitors", pa.int64()),
        pa.field("pageviews", pa.int64()),
        pa.field("visits", pa.int64()),
        pa.field("bounce_rate", pa.float64()),
        pa.field("visit_duration", pa.float64()),
        pa.field("events", pa.int64()),
    ]
)
"""A fraction of visits with 4 decimals, and seconds with 1; each other column is a count."""

_DECIMALS = {"bounce_rate": 4, "visit_duration": 1}


@dataclass(frozen=True, slots=True)
class Export:
    """A requested download: ``what`` is one of WHAT, ``form`` one of DOWNLOAD_FORMATS; ``bom`` is of CSV only."""

    scope: Scope
    what: str = "days"
    form: str = "csv"
    bom: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    """A file in the making: ``pieces`` yields its bytes, and raises an error at the latest with the first piece."""

    name: str
    media_type: str
    pieces: Iterator[bytes]

    @property
    def disposition(self) -> str:
        """Content-Disposition, by which a browser saves the file."""
        return f'attachment; filename="{self.name}"'


def download(stats: Stats, export: Export) -> Download:
    """The file. QueryTooLargeError over MAX_EVENTS events, DamagedSegmentError where a file would be left out, and
    what ``Engine.group`` raises: all before any byte.
    """
    scope = stats.with_first_date(export.scope)
    batches: _Batches
    if export.what == "days":
        batches = _Table(days_table(stats, scope))
    else:
        _check_size(stats, scope)
        batches = _Events(stats.engine, scope)
    pieces = _pieces(batches, export.form, stats.engine.store.scratch, bom=export.bom)
    return Download(_name(scope, export.what, export.form), MEDIA_TYPES[export.form], _begin(pieces))


def download_table(stats: Stats, scope: Scope, rows: pa.Table, what: str, form: str) -> Download:
    """The file of a table, one of DOWNLOAD_FORMATS; ``what`` stands in its name."""
    pieces = _pieces(_Table(rows), form, stats.engine.store.scratch)
    return Download(_name(scope, what, form), MEDIA_TYPES[form], _begin(pieces))


def days_table(stats: Stats, scope: Scope) -> pa.Table:
    """A row for each local date of the range, in the schema DAYS; days without any events are there."""
    names = DAYS.names[1:]
    query = Query(scope.site_id, scope.period, tuple(names), DAY, scope.filters)
    answer = stats.count([query])
    require_complete(answer.omitted)
    counted = {row["value"]: row for row in answer.rows[0]}
    rows = []
    for day in _dates(scope.period.start, scope.period.end):
        counts = counted.get(day.isoformat())
        values = {name: METRICS[name].value(counts) if counts else 0 for name in names}
        rows.append({"date": day, **values, **{name: round(values[name], to) for name, to in _DECIMALS.items()}})
    return pa.Table.from_pylist(rows, schema=DAYS)


class _Table:
    """Batches of a table that is there."""

    def __init__(self, rows: pa.Table) -> None:
        self.schema = rows.schema
        self._rows = rows

    def steps(self, form: FormatWriter) -> Iterator[object]:
        for batch in self._rows.to_batches():
            form.write(batch)
            yield None


class _Events:
    """Batches of the rows of a scope, day by day."""

    schema = PENDING

    def __init__(self, engine: Engine, scope: Scope) -> None:
        self._engine = engine
        self._query = Query(scope.site_id, scope.period, ("events",), filters=scope.filters)

    def steps(self, form: FormatWriter) -> Iterator[object]:
        return self._engine.rows(self._query, form.write)


_Batches = _Table | _Events


class _Spool(io.RawIOBase):
    """A file that is only written, and whose bytes are taken away in between."""

    def __init__(self, folder: Path) -> None:
        file = tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=str(folder))  # noqa: SIM115  # closed with this
        self._file = cast(IO[bytes], file)
        self._taken = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise StoreUnavailableError(f"The temporary files have no place: {error.strerror}.") from error

    def tell(self) -> int:
        return self._taken + self._file.tell()

    def take(self) -> Iterator[bytes]:
        """All that was written since, in pieces."""
        self._taken += self._file.tell()
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self._file.close()
        super().close()


def _pieces(batches: _Batches, form_name: str, folder: Path, *, bom: bool = True) -> Iterator[bytes]:
    """The bytes. A slow reader holds neither memory nor a place in the admission queue."""
    with closing(_Spool(folder)) as spool:
        form = download_writer(form_name, cast(IO[bytes], spool), batches.schema, bom=bom)
        try:
            for _ in batches.steps(form):
                yield from spool.take()
        except QueryTooLongError:
            raise
        except QueryStoppedError:
            # The reader has gone.
            return
        finally:
            # An abandoned file has to end too.
            form.finish()
        yield from spool.take()


def _begin(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same, with the first piece made: what is wrong shows while the answer can still say so."""
    first = next(pieces, b"")

    def all_of_them() -> Iterator[bytes]:
        with closing(cast(Any, pieces)):
            yield first
            yield from pieces

    return all_of_them()


def _check_size(stats: Stats, scope: Scope) -> None:
    query = Query(scope.site_id, scope.period, ("events",), filters=scope.filters, events_only=True)
    answer = stats.count([query])
    require_complete(answer.omitted)
    count = answer.rows[0][0]["events"]
    if count > MAX_EVENTS:
        raise QueryTooLargeError(
            f"The range has {count:,} events, but an export may have {MAX_EVENTS:,}; ask for fewer days."
        )


def _name(scope: Scope, what: str, form: str) -> str:
    first, last = scope.period.start, scope.period.end - timedelta(days=1)
    return f"{scope.site_id.replace(':', '_')}-{what}-{first}-{last}.{form}"


def _dates(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=number) for number in range((end - start).days))
