"""Parsers of settings: text in, the checked value out, or ValueError with the allowed form."""

import re
from collections.abc import Callable
from ipaddress import ip_network

from mallard.http.addresses import Network
from mallard.sites.site_id import read_site_id

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 1000


def text(value: str) -> str:
    """Any text."""
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from ``low`` to ``high``, both included."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"a whole number from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return parse


def truth(value: str) -> bool:
    """true or false, in any of their spellings."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if value.strip().lower() not in words:
        raise ValueError("true or false")
    return words[value.strip().lower()]


def truth_or_word(*others: str, true: str = "true", false: str = "false") -> Callable[[str], str]:
    """A word of ``others``, or what any word for true or false stands for."""

    def parse(value: str) -> str:
        word = value.strip().lower()
        if word in others:
            return word
        try:
            return true if truth(word) else false
        except ValueError:
            raise ValueError(" or ".join((*others, true, false))) from None

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """One of ``words``, in any case."""

    def parse(value: str) -> str:
        if value.strip().lower() not in words:
            raise ValueError(" or ".join(words))
        return value.strip().lower()

    return parse


def site_patterns(value: str) -> tuple[str, ...]:
    """Site ids and ``*.domain`` patterns, separated by commas."""
    return tuple(_site_pattern(part.strip()) for part in value.split(",") if part.strip())


def _site_pattern(pattern: str) -> str:
    """A site id in its stored form, or ``*.`` before one."""
    name = pattern.removeprefix("*.")
    site = read_site_id(name)
    if site is None:
        raise ValueError("site ids separated by commas, such as example.com,*.example.org")
    return site if name == pattern else f"*.{site}"


def networks(value: str) -> tuple[Network, ...]:
    """Networks in CIDR notation, separated by commas."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("networks separated by commas, such as 127.0.0.0/8,::1/128") from None


def contacts(value: str) -> tuple[str, ...]:
    """Addresses of ``security.txt``, separated by commas."""
    addresses = tuple(part.strip() for part in value.split(",") if part.strip())
    for contact in addresses:
        if not re.fullmatch(r"(mailto:[^\s@]+@[^\s@]+|https://[!-~]+|tel:[0-9+-]+)", contact):
            raise ValueError(
                "addresses separated by commas, such as mailto:security@example.com,https://example.com/report"
            )
    return addresses


def folder_or_bucket(value: str) -> str:
    """A folder or ``s3://bucket/prefix``."""
    if "://" in value and not (value.startswith("s3://") and len(value) > len("s3://")):
        raise ValueError("a folder or s3://bucket/prefix")
    return value


def geoip_location(value: str) -> str:
    """A path or ``s3://bucket/key``."""
    if "://" in value and not re.fullmatch(r"s3://[^/]+/.*[^/]", value):
        raise ValueError("a path or s3://bucket/key")
    return value


def http_address(value: str) -> str:
    """An address without the slash at its end."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("an address that begins with http:// or https://")
    return value.rstrip("/")


def web_origin(value: str) -> str:
    """An origin in lower case, without the port that its scheme implies."""
    if not re.fullmatch(r"https?://[^/?#@*,\s]+/?", value):
        raise ValueError("an origin such as https://stats.example.com")
    origin = value.rstrip("/").lower()
    # Browsers leave out the port that the scheme implies.
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def password(value: str) -> str:
    """A password within the limits of length."""
    if not MIN_PASSWORD_LENGTH <= len(value) <= MAX_PASSWORD_LENGTH:
        raise ValueError(f"of {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")
    return value


def queue_location(value: str) -> str:
    """``local`` or the address of an SQS queue."""
    if value != "local" and not value.startswith(("http://", "https://")):
        raise ValueError("local or the address of an SQS queue")
    return value
