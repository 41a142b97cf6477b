"""JSON of a download: one array of objects."""

from typing import IO, Any

import duckdb
import pyarrow as pa

from mallard.transfer.formats.text_columns import with_text_timestamps

_OBJECTS = "SELECT CAST(to_json(batch) AS VARCHAR) AS object FROM batch"


class JsonWriter:
    """One array of objects, one object a line; absent values are null, timestamps RFC 3339."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:  # noqa: ARG002  # the batches carry it
        self._file = file
        self._separator = "[\n"
        self._database = duckdb.connect(config={"threads": 1})

    def write(self, batch: Any) -> None:
        self._database.register("batch", pa.Table.from_batches([with_text_timestamps(batch)]))
        objects = self._database.execute(_OBJECTS).to_arrow_table()["object"].to_pylist()
        if objects:
            self._file.write((self._separator + ",\n".join(objects)).encode())
            self._separator = ",\n"

    def finish(self, *, spans_days: bool = False) -> None:  # noqa: ARG002  # JSON has no place for the mark
        self._file.write(b"[]\n" if self._separator == "[\n" else b"\n]\n")
        self._database.close()
