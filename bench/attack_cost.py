"""Maximum cost of a day of attack: every limit of template.yaml reached for 24 hours.

No free tier is counted in. docs/deploy.md shows the table, which tests/deploy/test_attack_cost.py computes from the
template.
"""

from dataclasses import dataclass, replace

from bench.cost_model import MESSAGES_OF_A_CALL, PRICES

DAY_SECONDS = 86_400
FLUSHES = 1440
MB_OF_A_GB = 1024
STORAGE_PRICE = 3.09e-8
"""Of /tmp, for a GB-second beyond the first 512 MB; us-east-1, November 2026."""

FREE_STORAGE_MB = 512
PER_EXECUTION = 10
ACTIVE_SITES = 10
"""Sites that are written at each flush; those beyond are gathered for FlushQuietSeconds."""

SENDS_OF_AN_EVENT = 1.05
"""The event's own message, and now and then a note: 100 a minute and function at most are made."""

READS_OF_A_REQUEST = 1
"""An event of an unknown site below a pattern reads its settings; a key that is none is looked for."""

READS_OF_A_LOGIN = 2
WRITES_OF_A_LOGIN = 1
LOG_BYTES, LOG_PRICE = 200, 0.50
"""A line for each request that fails, though few do; dollars for a GB."""

ANSWER_BYTES = 1_000
"""With headers; a refusal."""

DESCRIPTION_BYTES = 200_000
"""/openapi.json as it is, which who attacks asks for unpacked."""


@dataclass(frozen=True, slots=True)
class Function:
    """Reserved concurrency, memory and /tmp."""

    most_at_once: float
    memory_mb: float
    storage_mb: float = FREE_STORAGE_MB

    @property
    def dollars(self) -> float:
        """Of a day in which it runs as often at once as it may."""
        seconds = self.most_at_once * DAY_SECONDS
        storage = max(0, self.storage_mb - FREE_STORAGE_MB) / MB_OF_A_GB * STORAGE_PRICE
        return seconds * (self.memory_mb / MB_OF_A_GB * PRICES["Lambda, a GB-second"] + storage)


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second by route, functions, and new sites an hour."""

    event_rate: float
    query_rate: float
    other_rate: float
    other_routes: int
    ingest: Function
    flush: Function
    query: Function
    new_sites_per_hour: float
    quiet_seconds: float


def day(limits: Limits) -> dict[str, float]:
    """Dollars by what is paid for. No site is public and no link is known to the attacker."""
    events = limits.event_rate * DAY_SECONDS
    questions = (limits.query_rate + limits.other_rate) * DAY_SECONDS
    requests = events + limits.query_rate * DAY_SECONDS + limits.other_routes * limits.other_rate * DAY_SECONDS
    return {
        "functions, all concurrent executions": sum(
            each.dollars for each in (limits.ingest, limits.flush, limits.query)
        ),
        "HTTP API": requests * PRICES["HTTP API, a request"],
        "CloudFront": _cloudfront(limits, requests),
        "Lambda requests": requests * PRICES["Lambda, a request"],
        "SQS": events * (SENDS_OF_AN_EVENT + 2 / MESSAGES_OF_A_CALL) * PRICES["SQS, a request"],
        "S3, from requests": _reads_and_writes(requests, questions),
        "S3, from flushes": _flushes(limits),
        "logs": requests * LOG_BYTES / 1e9 * LOG_PRICE,
    }


def behind_function_urls(limits: Limits) -> Limits:
    """Without an HTTP API nothing counts requests but Lambda, which takes ten a second for each reserved execution."""
    ingest, query = (PER_EXECUTION * each.most_at_once for each in (limits.ingest, limits.query))
    return replace(limits, event_rate=ingest, query_rate=query, other_rate=0)


def in_account_of(executions: int, limits: Limits) -> Limits:
    """Without reserved concurrency the account's quota is the limit, all of it in the dearest function."""
    none = replace(limits.ingest, most_at_once=0)
    return replace(limits, ingest=none, flush=none, query=replace(limits.query, most_at_once=executions))


def public_site(limits: Limits, days: int) -> float:
    """Dollars more of a day in which strangers ask about all days of a public site, one GET each."""
    return limits.query_rate * DAY_SECONDS * days * PRICES["S3, a GET"]


def _cloudfront(limits: Limits, requests: float) -> float:
    sent = requests * ANSWER_BYTES + limits.other_rate * DAY_SECONDS * DESCRIPTION_BYTES
    return requests * PRICES["CloudFront, a request"] + sent / 1e9 * PRICES["CloudFront, a GB"]


def _reads_and_writes(requests: float, logins: float) -> float:
    """The dearest that a stranger can ask for: wrong passwords, each counted by a conditional write."""
    reads = requests * READS_OF_A_REQUEST + logins * READS_OF_A_LOGIN
    return reads * PRICES["S3, a GET"] + logins * WRITES_OF_A_LOGIN * PRICES["S3, a PUT or LIST"]


def _flushes(limits: Limits) -> float:
    """A listing, a GET and a PUT for each partition that a flush writes; salts of invented sites beside."""
    invented = limits.new_sites_per_hour * 24
    written = float(ACTIVE_SITES * FLUSHES)
    if limits.quiet_seconds:
        # They come over the day, so that on average half of them are there.
        written += invented / 2 * DAY_SECONDS / limits.quiet_seconds
    else:
        written += invented / 2 * FLUSHES
    of_a_write = 2 * PRICES["S3, a PUT or LIST"] + PRICES["S3, a GET"]
    return (written + invented * 2) * of_a_write
