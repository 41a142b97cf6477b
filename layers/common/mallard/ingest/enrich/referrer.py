"""Origin of a visit: referrer, source, channel and spam."""

from collections.abc import Mapping
from dataclasses import dataclass

from mallard.ingest.allowed_sites import host_of_site
from mallard.ingest.enrich.channel import CLICK_IDS, ClickId, channel_of
from mallard.ingest.enrich.known_sources import (
    KnownSource,
    host_in_word,
    is_spam,
    source_of_app,
    source_of_host,
    source_of_word,
)
from mallard.ingest.enrich.page_url import host_of
from mallard.normalize.hashed_cache import hashed_cache
from mallard.normalize.names import stored_address

HOSTS_BYTES = 1024 * 1024

_APP = "android-app://"


@dataclass(frozen=True, slots=True)
class ReferrerColumns:
    """The origin of a visit. ``referrer`` is as stored; ``channel`` is one of ``channel.CHANNELS``."""

    referrer: str | None
    source: str | None
    channel: str
    is_spam: bool = False


@dataclass(frozen=True, slots=True)
class _Referrer:
    """A referrer understood: as stored, its host (an app's package), its source where that is known."""

    stored: str
    host: str
    known: KnownSource | None
    is_spam: bool


def read_origin(
    referrer: str | None,
    hostname: str,
    site_id: str,
    tags: Mapping[str, str],
    *,
    named: str | None = None,
    click_id: str | None = None,
) -> ReferrerColumns:
    """All of an arrival: by its campaign's tags, then by ``named`` (a `source` or `ref`), its referrer, its click id.

    A referrer counts for nothing where it is the site itself or no address of a web page or an Android app.
    """
    parsed = _read_referrer(referrer) if referrer else None
    own = _bare(hostname), _bare(host_of_site(site_id))
    if parsed and _bare(parsed.host) in own:
        parsed = None
    if named and host_in_word(named) in own:
        named = None
    click = CLICK_IDS.get(click_id) if click_id else None
    known, source = _source(tags.get("utm_source") or named, parsed, click)
    channel = channel_of(known, tags, click, linked=parsed is not None or named is not None)
    return ReferrerColumns(parsed.stored if parsed else None, source, channel, parsed is not None and parsed.is_spam)


def _read_referrer(referrer: str) -> _Referrer | None:
    """Without credentials and fragment; None where it is no address of a web page or an app."""
    referrer = referrer.strip()
    if referrer.startswith(_APP):
        package = referrer.removeprefix(_APP).partition("/")[0]
        return _Referrer(referrer, package, source_of_app(package), False) if package else None
    host, stored = host_of(referrer), stored_address(referrer)
    if host is None or stored is None:
        return None
    return _Referrer(stored, host, *_of_host(host))


@hashed_cache(most_bytes=HOSTS_BYTES)
def _of_host(host: str) -> tuple[KnownSource | None, bool]:
    """The source of a host, and True where it is known for spam."""
    return source_of_host(host), is_spam(host)


def _source(word: str | None, parsed: _Referrer | None, click: ClickId | None) -> tuple[KnownSource | None, str | None]:
    if parsed and not word:
        return parsed.known, parsed.known.name if parsed.known else _bare(parsed.host)
    word = word or (click.source if click else None)
    known = source_of_word(word) if word else None
    return known, known.name if known else (word and host_in_word(word)) or word


def _bare(host: str) -> str:
    return host.removeprefix("www.")
