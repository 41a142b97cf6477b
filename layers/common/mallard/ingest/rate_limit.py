"""Rate limits of events and bytes, per site and per client network."""

import math
from collections.abc import Hashable
from socket import AF_INET6, inet_pton

MAX_KEYS = 50_000
"""Of one throttle. Beyond, keys that need not wait go, and where that is not enough, all."""

CLIENT_SHARE = 4
"""One client may take a quarter of the events that a site's limit allows; the others have the rest."""

NETWORK_SHARE = 4
"""The addresses of an IPv6 /48 may send together four times what one client may."""

MINUTE_MS = 60_000
SECOND_MS = 1_000


class Throttle:
    """Generic cell rate algorithm (ITU-T I.371): units a minute, ``burst_ms`` worth of them at once; 0: no limit."""

    def __init__(self, per_minute: float, burst_ms: float = MINUTE_MS) -> None:
        self._ms_per_unit = MINUTE_MS / per_minute if per_minute else 0.0
        self._burst_ms = max(burst_ms, self._ms_per_unit)
        self._free_at: dict[Hashable, float] = {}
        """When each key has its whole burst again, in milliseconds since 1970."""

    def wait_ms(self, key: Hashable, units: float, now_ms: float) -> float:
        """0 where so many units may pass, which are counted; else milliseconds until they may.

        More units than a burst pass where nothing else did for long.
        """
        if not self._ms_per_unit:
            return 0.0
        free_at = self._free_at.get(key, now_ms)
        if not now_ms < free_at <= now_ms + self._burst_ms:
            # It is over; or a clock that was ahead wrote it, for no other goes beyond a burst.
            free_at = now_ms
        cost = min(units * self._ms_per_unit, self._burst_ms)
        wait = free_at + cost - now_ms - self._burst_ms
        # A sum of parts of milliseconds may be too large by the last of its digits.
        if wait > 1e-3:
            return wait
        self._free_at[key] = free_at + cost
        if len(self._free_at) > MAX_KEYS:
            self._tidy(now_ms)
        return 0.0

    def _tidy(self, now_ms: float) -> None:
        self._free_at = {key: free_at for key, free_at in self._free_at.items() if free_at > now_ms}
        if len(self._free_at) > MAX_KEYS // 2:
            self._free_at.clear()


class RateLimit:
    """Limits of one process: ``per_second`` events of a site, and bytes a minute of a client and of a site.

    0 is no limit. Of an IPv6 client counts the /64, and the /48 with NETWORK_SHARE times as much. Clients on loopback
    are this machine's own programs, and count for their site alone.
    """

    def __init__(self, per_second: int, client_bytes: int = 0, site_bytes: int = 0) -> None:
        share = max(1.0, per_second / CLIENT_SHARE) if per_second else 0.0
        self._site_events = Throttle(per_second * 60, SECOND_MS)
        # A client may use the site's whole burst, and then its share.
        self._client_events = Throttle(share * 60, SECOND_MS * per_second / share if share else 0.0)
        self._client_bytes = Throttle(client_bytes)
        self._network_bytes = Throttle(client_bytes * NETWORK_SHARE)
        self._site_bytes = Throttle(site_bytes)
        self._counts_events = bool(per_second)
        self._counts_clients = bool(per_second or client_bytes)
        self._counts = bool(per_second or client_bytes or site_bytes)

    def wait_seconds(self, site_id: str, now_ms: int, address: str = "", size: int = 0) -> int:
        """0 where an event of ``size`` bytes may pass (and is counted), else whole seconds until one may."""
        wait = self._counts and self._wait_ms(site_id, now_ms, address, size)
        return math.ceil(wait / SECOND_MS) if wait else 0

    def _wait_ms(self, site_id: str, now_ms: int, address: str, size: int) -> float:
        client, network = _networks(address) if self._counts_clients else (0, 0)
        if client:
            wait = self._client_bytes.wait_ms(client, size, now_ms)
            if not wait and network:
                wait = self._network_bytes.wait_ms(network, size, now_ms)
            if not wait and self._counts_events:
                wait = self._client_events.wait_ms((site_id, client), 1, now_ms)
            if wait:
                return wait
        if self._counts_events and (wait := self._site_events.wait_ms(site_id, 1, now_ms)):
            return wait
        return self._site_bytes.wait_ms(site_id, size, now_ms)


def _networks(address: str) -> tuple[int, int]:
    """Keyed hashes of an IPv4 address, or of the /64 and /48 of an IPv6 one; zeros where none is counted.

    Python's hash of texts has a random key in each process, so that what is kept stands for no address.
    """
    if ":" not in address:
        return (0, 0) if not address or address.startswith("127.") else (hash(address), 0)
    if address == "::1":
        return 0, 0
    try:
        packed = inet_pton(AF_INET6, address)
    except OSError:
        return hash(address), 0
    return hash(packed[:8]), hash(packed[:6])
