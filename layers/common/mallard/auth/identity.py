"""The identity behind a request, and its permissions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from mallard.auth.api_keys import ApiKey
from mallard.auth.shared_links import SharedLink


class Credential(Enum):
    """The kind of credential that a request carried."""

    SESSION = "session"
    KEY = "key"
    LINK = "link"
    ANYONE = "anyone"
    """MALLARD_AUTH=off: every request."""
    ANONYMOUS = "anonymous"
    """No credential: public sites only."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal: 401 for missing or invalid credentials, 403 for valid ones without permission."""

    status: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Identity:
    """``scope`` is that of an API key: Admin, ReadOnly or Ingest; a session has Admin.

    ``sites`` empty: all. ``filters`` is JSON text that narrows all statistics shown; empty: none does.
    """

    credential: Credential
    scope: str = ""
    sites: tuple[str, ...] = ()
    filters: str = ""

    @property
    def is_known(self) -> bool:
        """True for the owner and for keys that read."""
        return self.credential is not Credential.LINK and self.scope in ("Admin", "ReadOnly")

    def refusal_to_read(self, site_id: str, *, is_public: bool) -> Denied | None:
        """The refusal to read a site's statistics; None where it is permitted."""
        if is_public:
            return None
        return self.refusal_to_list() or (None if self._reaches(site_id) else self._elsewhere(site_id))

    def refusal_to_take_events(self, site_id: str) -> Denied | None:
        """The refusal to export a site's events, with its visitor ids; None where it is permitted."""
        if self.credential is Credential.LINK:
            return self._without("ReadOnly or Admin")
        return self.refusal_to_read(site_id, is_public=False)

    def refusal_to_run_sql(self, site_id: str | None) -> Denied | None:
        """The refusal to run SQL over a site's rows, or over those of all ``readable`` sites; None where permitted."""
        if self.credential is Credential.LINK:
            return self._without("ReadOnly or Admin")
        return self.refusal_to_list() if site_id is None else self.refusal_to_read(site_id, is_public=False)

    def refusal_to_list(self) -> Denied | None:
        """The refusal to list sites; None where ``readable`` of them may be shown."""
        return None if self.scope in ("Admin", "ReadOnly") else self._without("ReadOnly or Admin")

    def refusal_to_change(self, site_id: str) -> Denied | None:
        """The refusal to change a site's settings or erase its days; None where it is permitted."""
        if self.scope != "Admin":
            return self._without("Admin")
        return None if self._reaches(site_id) else self._elsewhere(site_id)

    def refusal_to_manage(self) -> Denied | None:
        """The refusal to manage keys, links and the password; None where it is permitted."""
        if self.scope != "Admin":
            return self._without("Admin")
        return Denied(403, "The key is limited to some sites; this needs a key for all sites.") if self.sites else None

    def readable(self, sites: Iterable[str], public: Collection[str] = ()) -> list[str]:
        """The sites among these whose statistics may be read; those in ``public`` always may."""
        reads = self.scope in ("Admin", "ReadOnly")
        return [each for each in sites if each in public or (reads and self._reaches(each))]

    def _reaches(self, site_id: str) -> bool:
        return not self.sites or site_id in self.sites

    def _without(self, needed: str) -> Denied:
        if self.credential is Credential.ANONYMOUS:
            return Denied(401, "Log in, or send an API key as Authorization: Bearer or X-API-Key.")
        if self.credential is Credential.LINK:
            return Denied(403, "A shared link only gives read access to one site's statistics.")
        return Denied(403, f"The key's scope is {self.scope}; this needs {needed}.")

    def _elsewhere(self, site_id: str) -> Denied:
        what = "link" if self.credential is Credential.LINK else "key"
        return Denied(403, f"The {what} does not give access to {site_id[:80]}.")


OWNER = Identity(Credential.SESSION, "Admin")
ANYONE = Identity(Credential.ANYONE, "Admin")
ANONYMOUS = Identity(Credential.ANONYMOUS)


def of_key(key: ApiKey) -> Identity:
    """The identity of a valid key."""
    return Identity(Credential.KEY, key.scope, key.sites)


def of_link(link: SharedLink) -> Identity:
    """The identity of a valid link."""
    return Identity(Credential.LINK, "ReadOnly", (link.site_id,), link.filters)
