"""By which name a request reached this machine: a page of another site can make its own name lead here."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_own_name(host: str) -> bool:
    """Whether a Host header is an address, or localhost: what no name server can lead from elsewhere to this machine.

    A browser takes what it reads under a name as that name's own (DNS rebinding), so on a server that is open to
    this machine only, any other name would open it to every page that is looked at here.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
