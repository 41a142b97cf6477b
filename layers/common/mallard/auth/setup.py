"""Who may set the first password: who sits at this machine, or has the token that the start printed."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from mallard.auth.csrf import passed_a_proxy
from mallard.auth.dns_rebinding import is_own_name
from mallard.auth.identity import Denied


@dataclass(frozen=True, slots=True)
class Setup:
    """``on_loopback``: only this machine reaches the server. ``token`` empty: none was printed, so none is right."""

    on_loopback: bool
    token: str

    def refusal(self, headers: Mapping[str, str], given: str) -> Denied | None:
        """Why this visitor may not set it; None where they may. Header names are in lower case."""
        if given and self.token and hmac.compare_digest(given.strip().encode("utf-8", "replace"), self.token.encode()):
            return None
        if given:
            return Denied(403, "The token is not the one that this server printed when it started.")
        # Behind a proxy everyone comes from this machine.
        near = self.on_loopback and not passed_a_proxy(headers) and is_own_name(headers.get("host", ""))
        if near:
            return None
        how = "give the token that it printed when it started, or " if self.token else ""
        return Denied(403, f"This server is reached from elsewhere: {how}run `mallard password` where it runs.")


def new_token() -> str:
    """A token to print, 128 random bits."""
    return secrets.token_urlsafe(16)
