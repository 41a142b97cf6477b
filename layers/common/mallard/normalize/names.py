"""Stored forms of hostnames, addresses, paths and names, for ingest and for settings."""

import re
from collections.abc import Callable
from unicodedata import combining, normalize
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from mallard.normalize.hashed_cache import hashed_cache

MAX_HOST_LENGTH = 253
MAX_HOST_LABEL_LENGTH = 63
MAX_NETLOC_LENGTH = 320
"""Of a host with its port and credentials."""

MAX_MARKS = 30
"""Marks that one letter may carry, as in Unicode's stream-safe text (UAX #15): more take time by their square."""

SHORT_LENGTH = 128
MAX_TAG_LENGTH = 256
WIDTH_STEP_PX = 100
WIDEST_PX = 4000
NAMES_BYTES = 1024 * 1024

# The standard library's cached version keeps recent addresses in memory.
_split: Callable[[str], SplitResult] = urlsplit.__wrapped__  # type: ignore[attr-defined]

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NETLOC = re.compile(r"\A[^/?#]*//")
"""All before the host."""

_LONG_MARKS = re.compile(rb"[^\0]{31,}")
_INVISIBLE = re.compile(
    r"[\x80-\x9f\u2028\u2029\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef"
    + "".join(f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + r"\U000e0000-\U000e007f]"
)
"""Beyond ASCII: controls, marks of direction, spaces of no width, tags, and code points that are no characters.

They would make two names that look the same. The joiners U+200C and U+200D stay, for scripts and emoji need them.
"""

_USUAL_PORTS = {"http": 80, "https": 443}
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
"""A session's id that old servers write into the path: it would make each visit a page of its own."""


def split_address(text: str) -> SplitResult:
    """``urlsplit`` of the standard library without its cache. Raises ValueError.

    A host's length is checked first: its normal form may be 18 times as long.
    """
    if not text.isascii() and len(_NETLOC.sub("", text, count=1).partition("/")[0]) > MAX_NETLOC_LENGTH:
        raise ValueError("the host is too long")
    return _split(text)


@hashed_cache(most_bytes=NAMES_BYTES)
def stored_host(text: str) -> str | None:
    """A host in lower case without a trailing dot, an international name as browsers send it (``xn--``).

    None where it is neither a name nor an address. Lengths are checked before expensive steps.
    """
    name = text.rstrip(".")
    if len(name) > MAX_HOST_LENGTH:
        return None
    try:
        name = name.lower() if name.isascii() else _ascii(name)
    except ValueError:
        return None
    labels = name.split(".")
    if len(name) > MAX_HOST_LENGTH or max(map(len, labels)) > MAX_HOST_LABEL_LENGTH or not _HOST.fullmatch(name):
        return None
    return name


def _ascii(name: str) -> str:
    """ToASCII of UTS #46, non-transitional, with the mapping alone, as browsers take names that IDNA2008 refuses too.

    Raises ValueError (UnicodeError) for an invalid character.
    """
    # The import takes ten milliseconds, and few processes need it.
    from idna.core import uts46_remap

    labels = uts46_remap(name, std3_rules=False).split(".")
    if any(len(label) > MAX_HOST_LABEL_LENGTH for label in labels):
        raise ValueError("a label is too long")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def stored_address(text: str) -> str | None:
    """The normalized address of a web page without credentials, default port and fragment; None for other text."""
    try:
        parts = split_address(text)
        host = stored_host(parts.hostname) if parts.hostname else None
        port = parts.port
    except ValueError:
        return None
    if host is None or parts.scheme not in _USUAL_PORTS:
        return None
    if port == _USUAL_PORTS[parts.scheme]:
        port = None
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{shown}:{port}" if port else shown, parts.path, parts.query, ""))


def stored_path(path: str) -> str:
    """A path as stored: percent-decoded once, in NFC, without a session id and trailing spaces."""
    cleaned = percent_decoded(path) if "%" in path else path
    return nfc_text(_SESSION.sub("", cleaned) if ";" in cleaned else cleaned).rstrip() or "/"


def percent_decoded(path: str) -> str:
    """The percent-decoded text where that is valid, else the text as it is."""
    try:
        text = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path
    return path if _CONTROL.search(text) else text


def nfc_text(text: str) -> str:
    """The text in NFC, without invisible characters, so that texts that look the same are equal."""
    if text.isascii():
        return text
    # Printable text holds none of them, and ``isprintable`` takes a fraction of the search's time.
    cleaned = text if text.isprintable() else _INVISIBLE.sub("", text)
    return normalize("NFC", _with_few_marks(cleaned) if len(cleaned) > SHORT_LENGTH else cleaned)


def _with_few_marks(text: str) -> str:
    """The text without the marks over MAX_MARKS in a row."""
    parts, begin = [], 0
    for run_match in _LONG_MARKS.finditer(bytes(map(combining, text))):
        parts.append(text[begin : run_match.start() + MAX_MARKS])
        begin = run_match.end()
    return "".join([*parts, text[begin:]]) if parts else text


def stored_width(width_px: int | None) -> str | None:
    """A viewport's width rounded down to WIDTH_STEP_PX, WIDEST_PX at most; None below the first step.

    The exact width of a resized window could identify a person across days.
    """
    step = min(width_px or 0, WIDEST_PX) // WIDTH_STEP_PX
    return str(step * WIDTH_STEP_PX) if step else None


def plain_key(text: str) -> str:
    """The key of a property in NFC, without control characters."""
    return text if text.isascii() and text.isprintable() else nfc_text(_CONTROL.sub("", text))


def stored_label(text: str) -> str:
    """The name of an event or a goal in NFC, without surrounding spaces."""
    return nfc_text(text).strip()


def stored_tag(value: str) -> str:
    """The value of a campaign tag: in NFC, trimmed, without control characters, of MAX_TAG_LENGTH at most."""
    return nfc_text(_CONTROL.sub("", value)).strip()[:MAX_TAG_LENGTH]


def page_from_input(text: str) -> str:
    """A page as entered by a user, in the form of ``stored_path``: a path or full address, with or without a query.

    A query is part of a stored path only where the script is set to keep it; it then sends decoded values.
    """
    entered = text.strip()
    if "://" in entered:
        entered = _path_of(entered)
    path, mark, query = entered.partition("?")
    return stored_path(f"{path}{mark}{query.replace('+', ' ')}")


def _path_of(text: str) -> str:
    try:
        parts = split_address(text)
    except ValueError:
        return text
    return urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))


def host_from_input(text: str) -> str:
    """The stored form of a host, or of a full address's host, as entered by a user; other text unchanged."""
    entered = text.strip()
    try:
        name = split_address(entered).hostname if "://" in entered else entered
    except ValueError:
        name = None
    return (name and stored_host(name)) or text


def referrer_from_input(text: str) -> str:
    """The stored form of a referrer as entered by a user; other text unchanged."""
    return stored_address(text.strip()) or text if "://" in text else text


def search_forms(text: str, form: Callable[[str], str]) -> tuple[str, ...]:
    """The texts to search for: the stored form, and the text as entered, which older rows may hold."""
    stored = form(text)
    return (stored,) if stored == text else (stored, text)
