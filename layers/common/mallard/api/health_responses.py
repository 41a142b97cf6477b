"""Responses of liveness and readiness."""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from mallard.health.source import HealthSource

NO_STORE = {"cache-control": "no-store"}
HEALTH_PATH = "/health"
READY_PATH = "/health/ready"


def liveness() -> Response:
    """Always `ok`, without a check of the store or the queue."""
    return PlainTextResponse("ok", headers=NO_STORE)


def readiness(source: HealthSource) -> Response:
    """200 if all parts work, else 503 with a sentence. It may wait for the store."""
    wrong = [each.sentence for each in source.checks() if not each.ok]
    status, sentence = ("not ready", " ".join(wrong)) if wrong else ("ready", "Ready for events and queries.")
    return JSONResponse({"status": status, "sentence": sentence}, 503 if wrong else 200, NO_STORE)
