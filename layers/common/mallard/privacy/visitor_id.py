"""Visitor ids: HMACs of address and user agent under the day's salt."""

from mallard.privacy.salts import Salt


def visitor_id(salt: Salt, address: str, user_agent: str) -> int:
    """63 bits of HMAC-SHA256(the salt's key, address + "|" + user agent)."""
    digest = salt.mac(f"{address}|{user_agent}".encode(errors="surrogatepass"))
    return int.from_bytes(digest[:8], "big") >> 1
