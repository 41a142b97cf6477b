"""Network addresses as text: one reader for headers, connections, batches and settings."""

from ipaddress import IPv4Network, IPv6Network, ip_address
from socket import AF_INET, inet_pton

Network = IPv4Network | IPv6Network

Address = tuple[str, bytes]
"""An address as text in its usual form, and its 4 or 16 bytes."""


def read_address(text: str) -> Address | None:
    """The address of a text, without spaces, brackets, port and zone (``%eth0``); None where it is none.

    An IPv4 address in IPv6's clothes (``::ffff:192.0.2.1``) is the IPv4 address. Numbers with leading zeros are
    refused: some readers take them for octal.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        # As strict as ip_address: what it takes has the usual form already.
        return text, inet_pton(AF_INET, text)
    except (OSError, ValueError):
        pass
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(parsed), parsed.packed


def address_text(text: str) -> str | None:
    """The usual form alone."""
    address = read_address(text)
    return address[0] if address else None
