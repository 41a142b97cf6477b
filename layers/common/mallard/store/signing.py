"""Capture of the SDK's signed requests before sending, and its certificate authorities."""

import ssl
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from mallard.store.signed_puts import SignedPut

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EVENT = "before-send.s3.PutObject"


def capture_signed(client: "S3Client", put: Callable[[], object], body: bytes) -> SignedPut | None:
    """The request of one ``put_object`` with this body; None behind a proxy, which only the SDK supports."""
    captured: list[AWSPreparedRequest] = []
    thread_id = threading.get_ident()

    def capture(request: AWSPreparedRequest, **_: object) -> Any:
        # Requests of other threads are sent as usual.
        if threading.get_ident() != thread_id:
            return None
        captured.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders.from_dict({"ETag": ""}), _NoBody())

    client.meta.events.register_first(_EVENT, capture)
    try:
        put()
    finally:
        client.meta.events.unregister(_EVENT, capture)
    (request,) = captured
    if get_environ_proxies(request.url):
        return None
    headers = {name: _text(value) for name, value in request.headers.items() if name.lower() != "expect"}
    return SignedPut(request.url, headers, body)


def trusted_context(ca_bundle: str) -> ssl.SSLContext:
    """A TLS context with the authorities of a PEM file, or those of the SDK where it is empty."""
    context = ssl.create_default_context(cafile=ca_bundle or get_cert_path(True))
    # As in the SDK: private authorities seldom meet Python 3.13's strict checks.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _NoBody:
    """The body of a response to a request that was never sent."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """No chunks."""
        return iter(())


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
