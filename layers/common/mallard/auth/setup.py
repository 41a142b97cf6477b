"""First-run setup: permission to set the first password, by this machine or by token."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from mallard.auth.csrf import is_own_name, passed_a_proxy
from mallard.auth.identity import Denied


@dataclass(frozen=True, slots=True)
class Setup:
    """``on_loopback``: only this machine reaches the server. ``token`` empty: none was printed, so none is accepted."""

    on_loopback: bool
    token: str

    def refusal(self, headers: Mapping[str, str], given: str) -> Denied | None:
        """The refusal to set the password; None where it is permitted. Header names are in lower case."""
        if given and self.token and hmac.compare_digest(given.strip().encode("utf-8", "replace"), self.token.encode()):
            return None
        if given:
            return Denied(403, "Wrong token; use the one that this server printed when it started.")
        # Behind a proxy every request comes from this machine.
        is_local = self.on_loopback and not passed_a_proxy(headers) and is_own_name(headers.get("host", ""))
        if is_local:
            return None
        how = "give the token that it printed when it started, or " if self.token else ""
        return Denied(403, f"This server is reachable from other machines: {how}run `mallard password` where it runs.")


def new_token() -> str:
    """A token to print, 128 random bits."""
    return secrets.token_urlsafe(16)
