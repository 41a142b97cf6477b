"""Lambda: one request of a browser to the queue."""

from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from mallard.aws.ingest_function import answer_safely
from mallard.aws.parameter_store import read_parameter
from mallard.aws.powertools import Context, Powertools
from mallard.bootstrap.ingest import Parts, WarmParts
from mallard.config import load_settings
from mallard.ingest.enrich.cdn_headers import refused_past_edge


@cache
def watch() -> Powertools:
    """Where log lines, metrics and traces go."""
    # None of them is a secret: what names one stays a name.
    return Powertools.of("ingest", load_settings(read_parameter=str))


settings = cache(partial(load_settings, read_parameter=read_parameter))
"""With the secrets, wherever they stand."""

opening = WarmParts()


def parts() -> Parts:
    """What outlives one request of a warm function; a failure is not kept."""
    return opening.parts(settings(), datetime.now(UTC))


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """API Gateway (format 2.0) or Function URL."""
    with watch().invocation(context) as counts:
        refused = refused_past_edge(event, settings)
        return refused or answer_safely(event, parts, datetime.now(UTC), counts)
