"""Lambda function that accepts events."""

from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from mallard.aws.cdn_check import refuse_past_cdn
from mallard.aws.ingest_function import answer_safely
from mallard.aws.parameter_store import read_parameter
from mallard.aws.powertools import Context, Powertools
from mallard.bootstrap.ingest import IngestParts, WarmParts
from mallard.config import load_settings


@cache
def watch() -> Powertools:
    """The writer of log lines, metrics and traces."""
    # None of them is a secret: what names one stays a name.
    return Powertools.of("ingest", load_settings(read_parameter=str))


settings = cache(partial(load_settings, read_parameter=read_parameter))
"""With the secrets, from the environment or the parameter store."""

opening = WarmParts()


def parts() -> IngestParts:
    """The parts that outlive one request; a failure is not cached."""
    return opening.parts(settings(), datetime.now(UTC))


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """API Gateway (format 2.0) or Function URL."""
    with watch().invocation(context) as counts:
        refused = refuse_past_cdn(event, settings)
        return refused or answer_safely(event, parts, datetime.now(UTC), counts)
