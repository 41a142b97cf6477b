"""Visitor ids: what an address and an agent become under the day's salt."""

import hashlib
import hmac


def visitor_id(key: bytes, address: str, user_agent: str) -> int:
    """63 bits of HMAC-SHA256(key, address + "|" + user agent)."""
    digest = hmac.digest(key, f"{address}|{user_agent}".encode(errors="surrogatepass"), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> 1
