"""Client addresses behind trusted proxies, which clients cannot forge."""

from collections.abc import Iterable

from mallard.http.addresses import Network, read_address
from mallard.normalize.hashed_cache import hashed_cache

MAX_HOPS = 32
PEERS_BYTES = 256 * 1024


class TrustedProxies:
    """The networks of proxies whose word is believed. Ranges of numbers: ``ipaddress`` takes five times as long."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._ranges: dict[int, list[tuple[int, int]]] = {4: [], 16: []}
        for each in networks:
            ends = int(each.network_address), int(each.broadcast_address)
            self._ranges[len(each.network_address.packed)].append(ends)
        self.has_peer = hashed_cache(most_bytes=PEERS_BYTES)(self._has_peer)

    def __contains__(self, packed: bytes) -> bool:
        number = int.from_bytes(packed, "big")
        for first, last in self._ranges[len(packed)]:  # noqa: SIM110  # any() with a generator takes twice the time
            if first <= number <= last:
                return True
        return False

    def _has_peer(self, peer: str) -> bool:
        packed = packed_address(peer)
        return packed is not None and packed in self


def client_address(peer: str, forwarded_for: str, trusted: TrustedProxies) -> str:
    """Read ``X-Forwarded-For`` from the right, past trusted hops, where the peer itself is trusted.

    An IPv4 address that a socket of both families shows as IPv6 (``::ffff:192.0.2.1``) is the IPv4 address.
    """
    # An IPv4 address of a socket has its canonical form already.
    if not forwarded_for and ":" not in peer:
        return peer
    forwarded = _forwarded(forwarded_for, trusted) if forwarded_for and trusted.has_peer(peer) else ""
    if forwarded:
        return forwarded
    own = read_address(peer)
    return own[0] if own else peer


def _forwarded(forwarded_for: str, trusted: TrustedProxies) -> str:
    """The nearest hop that is no proxy of ours, else the farthest that is an address; empty where none is."""
    text = ""
    for hop in reversed(forwarded_for.split(",")[-MAX_HOPS:]):
        seen = read_address(hop)
        if seen is None:
            break
        text, packed = seen
        if packed not in trusted:
            break
    return text


def packed_address(peer: str) -> bytes | None:
    """The 4 or 16 bytes of a peer's address; None where it is none (a socket of the file system)."""
    own = read_address(peer)
    return own[1] if own else None
