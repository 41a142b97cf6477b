"""Delivery of downloads: streamed, or through the store where responses must be small."""

import io
import secrets
from collections.abc import Callable, Iterator, Mapping

from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mallard.errors import QueryTooLargeError
from mallard.reports.report_export import Download
from mallard.store.base import Store
from mallard.table.layout import EXPORTS

MAX_DIRECT_BYTES = 3_500_000
"""An answer of Lambda is 6 MB at most, as JSON: a third more for bytes, as much for text with many quotes."""

MAX_STORED_BYTES = 192 * 1024 * 1024
"""It is one whole PUT, from memory."""

LIVES_SECONDS = 3600
NAME_BYTES = 24


Deliver = Callable[[Download, Mapping[str, str]], Response]
"""Makes the answer, with these headers."""


class _Streamed(StreamingResponse):
    """Ends the making with the connection, however that ends."""

    def __init__(self, pieces: Iterator[bytes], headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if close := getattr(self._pieces, "close", None):
                close()


def stream(download: Download, headers: Mapping[str, str]) -> Response:
    """Piece by piece, as they are made."""
    return _Streamed(
        download.pieces, {**headers, "content-disposition": download.disposition}, media_type=download.media_type
    )


def through_store(store: Callable[[], Store], name: Callable[[], str] | None = None) -> Deliver:
    """Whole where it is small; else as an object of ``exports/`` with an unguessable address, for an hour.

    ``name`` is random. QueryTooLargeError over MAX_STORED_BYTES.
    """
    named = name or (lambda: secrets.token_urlsafe(NAME_BYTES))

    def deliver(download: Download, headers: Mapping[str, str]) -> Response:
        data, address = _gathered(download.pieces), None
        if len(data) > MAX_DIRECT_BYTES:
            key = f"{EXPORTS}{named()}.{download.name.rpartition('.')[2]}"
            store().put_if_absent(key, data)
            address = store().presigned(key, LIVES_SECONDS, download.disposition, download.media_type)
        if address is not None:
            return RedirectResponse(address, 303, headers)
        return Response(
            data, headers={**headers, "content-disposition": download.disposition}, media_type=download.media_type
        )

    return deliver


def _gathered(pieces: Iterator[bytes]) -> bytes:
    buffer = io.BytesIO()
    for piece in pieces:
        buffer.write(piece)
        if buffer.tell() > MAX_STORED_BYTES:
            raise QueryTooLargeError(
                f"The export is over {MAX_STORED_BYTES // 1024**2} MB; ask for fewer days, or for parquet."
            )
    return buffer.getvalue()
