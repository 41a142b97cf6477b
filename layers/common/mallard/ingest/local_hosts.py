"""Local hosts: names and addresses that are unreachable from the public internet."""

from ipaddress import ip_address, ip_network

_ENDINGS = (".localhost", ".local")
_NETWORKS = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/32",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)
"""This machine, private and link-local networks, and those behind a carrier's or a VPN's translation (RFC 6598).

``ipaddress.is_private`` has documentation's addresses too, and another set in each version of Python.
"""


def is_local(host: str) -> bool:
    """True for localhost, names below ``.localhost`` and ``.local``, and addresses that are not public.

    ``host`` is a hostname as pages have it: small letters, no port, no brackets.
    """
    if host == "localhost" or host.endswith(_ENDINGS):
        return True
    if not (":" in host or host[-1:].isdigit()):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in each for each in _NETWORKS if each.version == address.version)
