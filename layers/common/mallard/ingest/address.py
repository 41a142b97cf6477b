"""The client's address: the one our own proxy saw, never one the client can write."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from mallard.config import Network

MAX_HOPS = 32


def client_address(peer: str, forwarded_for: str, trusted: tuple[Network, ...]) -> str:
    """Read ``X-Forwarded-For`` from the right, past trusted hops, where the peer itself is trusted.

    An IPv4 address that a socket of both families shows as IPv6 (``::ffff:192.0.2.1``) is the IPv4 address.
    """
    if peer.startswith("::ffff:"):
        peer = _plain(peer) or peer
    if not forwarded_for or not _trusted(peer, trusted):
        return peer
    address = peer
    for hop in reversed(forwarded_for.split(",")[-MAX_HOPS:]):
        candidate = _plain(hop)
        if candidate is None:
            break
        address = candidate
        if not _trusted(address, trusted):
            break
    return address


@lru_cache(maxsize=1024)
def _trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _within(parsed, trusted)


def _within(address: object, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _plain(hop: str) -> str | None:
    """An address without port or brackets; None where it is none."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
