"""Order of the middleware of the API."""

from datetime import UTC, datetime
from typing import Any

from mallard.api.app import create_app
from mallard.health.query_counts import QueryCounts
from support.open_access import auth_off, one_address

ORDER = [
    "ResponseHeaders",
    "ErrorRedaction",
    "ServerErrorMiddleware",
    "QueryMetrics",
    "JsonBody",
    "FairShare",
    "QueryTimeout",
]


def test_middleware_stands_in_the_order_of_create_app() -> None:
    app = create_app(
        engine=lambda: None,  # type: ignore[return-value, arg-type]
        sites=list,
        clock=lambda: datetime(2026, 3, 10, tzinfo=UTC),
        erase=lambda *_: None,  # type: ignore[arg-type]
        auth=auth_off(),
        address_of=one_address,
        query_counts=QueryCounts(),
    )
    layer: Any = app.build_middleware_stack()
    names: list[str] = []
    while layer is not None:
        if type(layer).__module__.startswith("mallard.") or type(layer).__name__ == "ServerErrorMiddleware":
            names.append(type(layer).__name__)
        layer = getattr(layer, "app", None) or getattr(layer, "_app", None)
    assert names == ORDER
