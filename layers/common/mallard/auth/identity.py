"""Who asks, and what they may."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from mallard.auth.api_keys import ApiKey
from mallard.auth.shared_links import SharedLink


class Credential(Enum):
    """How somebody showed who they are."""

    SESSION = "session"
    KEY = "key"
    LINK = "link"
    ANYONE = "anyone"
    """MALLARD_AUTH=off: whoever reaches the server."""
    NOBODY = "nobody"
    """Nothing was shown; public sites are for them too."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal: 401 where showing something else would help, 403 where it is known who asks, and they may not."""

    status: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Identity:
    """``scope`` is that of an API key: Admin, ReadOnly or Ingest; a session has Admin.

    ``sites`` empty: all. ``filters`` is JSON text that narrows every number this one is shown; empty: nothing does.
    """

    who: Credential
    scope: str = ""
    sites: tuple[str, ...] = ()
    filters: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is the owner, or a key of theirs that reads."""
        return self.who is not Credential.LINK and self.scope in ("Admin", "ReadOnly")

    def refusal_to_read(self, site_id: str, *, is_public: bool) -> Denied | None:
        """Why they may not read a site's numbers; None where they may."""
        if is_public:
            return None
        return self.refusal_to_list() or (None if self._reaches(site_id) else self._elsewhere(site_id))

    def refusal_to_take_events(self, site_id: str) -> Denied | None:
        """Why they may not have a site's events themselves, with the ids of its visitors; None where they may."""
        if self.who is Credential.LINK:
            return self._without("ReadOnly or Admin")
        return self.refusal_to_read(site_id, is_public=False)

    def refusal_to_list(self) -> Denied | None:
        """Why they may not see any list of sites; None where they may see ``readable`` of it."""
        return None if self.scope in ("Admin", "ReadOnly") else self._without("ReadOnly or Admin")

    def refusal_to_change(self, site_id: str) -> Denied | None:
        """Why they may not change a site's settings, or erase its days; None where they may."""
        if self.scope != "Admin":
            return self._without("Admin")
        return None if self._reaches(site_id) else self._elsewhere(site_id)

    def refusal_to_manage(self) -> Denied | None:
        """Why they may not manage keys, links and the password; None where they may."""
        if self.scope != "Admin":
            return self._without("Admin")
        return Denied(403, "The key is for some sites; this needs one for all.") if self.sites else None

    def readable(self, sites: Iterable[str], public: Collection[str] = ()) -> list[str]:
        """Those of some sites whose numbers they may read; ``public`` are for everyone."""
        reads = self.scope in ("Admin", "ReadOnly")
        return [each for each in sites if each in public or (reads and self._reaches(each))]

    def _reaches(self, site_id: str) -> bool:
        return not self.sites or site_id in self.sites

    def _without(self, needed: str) -> Denied:
        if self.who is Credential.NOBODY:
            return Denied(401, "Log in, or send an API key as Authorization: Bearer or X-API-Key.")
        if self.who is Credential.LINK:
            return Denied(403, "A shared link is for looking at one site's numbers only.")
        return Denied(403, f"The key's scope is {self.scope}; this needs {needed}.")

    def _elsewhere(self, site_id: str) -> Denied:
        what = "link" if self.who is Credential.LINK else "key"
        return Denied(403, f"The {what} is not for {site_id[:80]}.")


OWNER = Identity(Credential.SESSION, "Admin")
ANYONE = Identity(Credential.ANYONE, "Admin")
NOBODY = Identity(Credential.NOBODY)


def of_key(key: ApiKey) -> Identity:
    """Whoever has a living key."""
    return Identity(Credential.KEY, key.scope, key.sites)


def of_link(link: SharedLink) -> Identity:
    """Whoever was let in by a living link."""
    return Identity(Credential.LINK, "ReadOnly", (link.site_id,), link.filters)
