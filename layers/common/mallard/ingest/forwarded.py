"""Clients whose address a server with an API key forwards."""

from collections.abc import Mapping

import msgspec

from mallard.auth.api_keys import ApiKey, ApiKeys, key_in
from mallard.http.addresses import read_address
from mallard.ingest.client import Client
from mallard.ingest.trusted_proxies import MAX_HOPS

FORWARDED_FOR = "x-forwarded-for"


def may_have_key(headers: Mapping[str, str]) -> bool:
    """True where ``server_key`` has a key to look up."""
    return FORWARDED_FOR in headers and bool(key_in(headers))


def server_key(headers: Mapping[str, str], keys: ApiKeys) -> ApiKey | None:
    """The valid key of a server that forwards an address, of scope Ingest or Admin. StoreUnavailableError."""
    # Most requests end here.
    if FORWARDED_FOR not in headers or not (text := key_in(headers)):
        return None
    key = keys.find(text)
    return key if key and key.allows("Ingest", "Admin") else None


def forwarded(sender: Client, headers: Mapping[str, str]) -> Client:
    """The client that the server names first in ``X-Forwarded-For``; the sender where it names none.

    The place that a CDN adds is that of the server, and is left out.
    """
    for hop in headers.get(FORWARDED_FOR, "").split(",")[:MAX_HOPS]:
        found = read_address(hop)
        if found is not None:
            return msgspec.structs.replace(sender, address=found[0], vouched=True, place=None)
    return sender
