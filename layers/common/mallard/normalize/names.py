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

# The standard library's own cache keeps the last addresses as they came.
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
    """``urlsplit`` of the standard library, which keeps nothing of the text. Raises ValueError.

    A host's length is looked at before: its normal form may be 18 times as long.
    """
    if not text.isascii() and len(_NETLOC.sub("", text, count=1).partition("/")[0]) > MAX_NETLOC_LENGTH:
        raise ValueError("the host is too long")
    return _split(text)


@hashed_cache(most_bytes=NAMES_BYTES)
def stored_host(text: str) -> str | None:
    """A host in small letters without a dot at its end, an international name as browsers send it (``xn--``).

    None where it is no name and no address. Lengths are looked at before anything that takes time.
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

    Raises ValueError (UnicodeError) for a character that no name has.
    """
    # Ten milliseconds that only a process pays which meets such a name.
    from idna.core import uts46_remap

    labels = uts46_remap(name, std3_rules=False).split(".")
    if any(len(label) > MAX_HOST_LABEL_LENGTH for label in labels):
        raise ValueError("a label is too long")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def stored_address(text: str) -> str | None:
    """The address of a web page without credentials, usual port and fragment, in one form; None where it is none."""
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
    """A path as it is stored: percent-decoded once, composed, without a session's id and spaces at its end."""
    plain = decoded(path) if "%" in path else path
    return composed(_SESSION.sub("", plain) if ";" in plain else plain).rstrip() or "/"


def decoded(path: str) -> str:
    """Decoded where that gives clean text, else as it came."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path
    return path if _CONTROL.search(decoded) else decoded


def composed(text: str) -> str:
    """The text in NFC, without characters that nobody sees: what looks the same is the same."""
    if text.isascii():
        return text
    # What is printable holds none of them, and is found so in a fraction of the search's time.
    plain = text if text.isprintable() else _INVISIBLE.sub("", text)
    return normalize("NFC", _with_few_marks(plain) if len(plain) > SHORT_LENGTH else plain)


def _with_few_marks(text: str) -> str:
    """The text without the marks over MAX_MARKS in a row."""
    kept, begin = [], 0
    for found in _LONG_MARKS.finditer(bytes(map(combining, text))):
        kept.append(text[begin : found.start() + MAX_MARKS])
        begin = found.end()
    return "".join([*kept, text[begin:]]) if kept else text


def stored_width(width_px: int | None) -> str | None:
    """A viewport's width rounded down to WIDTH_STEP_PX, WIDEST_PX at most; None below the first step.

    An exact width, of a window that somebody has drawn to a size, would be one person's on many days.
    """
    step = min(width_px or 0, WIDEST_PX) // WIDTH_STEP_PX
    return str(step * WIDTH_STEP_PX) if step else None


def plain_key(text: str) -> str:
    """The key of a property: composed, without control characters."""
    return text if text.isascii() and text.isprintable() else composed(_CONTROL.sub("", text))


def stored_label(text: str) -> str:
    """The name of an event or a goal: composed, without spaces around it."""
    return composed(text).strip()


def stored_tag(value: str) -> str:
    """The value of a campaign's tag: composed, trimmed, without control characters, of MAX_TAG_LENGTH at most."""
    return composed(_CONTROL.sub("", value)).strip()[:MAX_TAG_LENGTH]


def written_page(text: str) -> str:
    """A page that an owner writes, in the form of ``stored_path``: a path or a full address, with or without a query.

    A query is part of a stored path only where the script keeps it, which sends its values decoded.
    """
    written = text.strip()
    if "://" in written:
        written = _path_of(written)
    path, mark, query = written.partition("?")
    return stored_path(f"{path}{mark}{query.replace('+', ' ')}")


def _path_of(text: str) -> str:
    try:
        parts = split_address(text)
    except ValueError:
        return text
    return urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))


def written_host(text: str) -> str:
    """A host that an owner writes, or that of a full address, as it is stored; as it is where it is none."""
    written = text.strip()
    try:
        name = split_address(written).hostname if "://" in written else written
    except ValueError:
        name = None
    return (name and stored_host(name)) or text


def written_referrer(text: str) -> str:
    """A referrer that an owner writes, as it is stored; as it is where it is none."""
    return stored_address(text.strip()) or text if "://" in text else text


def forms(text: str, form: Callable[[str], str]) -> tuple[str, ...]:
    """The texts to look for: the stored form, and the text as written, which rows stored before may hold."""
    stored = form(text)
    return (stored,) if stored == text else (stored, text)
