"""Arrow: writer of downloads, a stream of record batches."""

from typing import IO, Any

import pyarrow as pa


class ArrowWriter:
    """One stream in Arrow's IPC format."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = pa.ipc.new_stream(file, schema)

    def write(self, batch: Any) -> None:
        self._writer.write_batch(batch)

    def finish(self, *, spans_days: bool = False) -> None:  # noqa: ARG002  # the stream has no place for the mark
        self._writer.close()
