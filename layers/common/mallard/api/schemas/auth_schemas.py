"""Request and response models of logins, keys and links."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from mallard.auth.api_keys import ApiKey
from mallard.auth.shared_links import SharedLink


class Denial(BaseModel):
    """Why something was refused, in one sentence."""

    error: str


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


_FILLED: dict[str, JsonValue] = {"minLength": 1}
"""Said, not checked here: an empty text is refused with a sentence of ours."""


class SetupGiven(_Given):
    """The first password."""

    password: str = Field(json_schema_extra=_FILLED)
    token: str = Field("", description="What the server printed when it started; not needed on the machine it runs on.")


class LoginGiven(_Given):
    """The password."""

    password: str


class PasswordGiven(_Given):
    """The password that is, and the one that shall be."""

    current: str
    new: str = Field(json_schema_extra=_FILLED)


class KeyGiven(_Given):
    """A key to make."""

    name: str = Field(json_schema_extra=_FILLED)
    scope: str = Field(description="ReadOnly, Admin or Ingest.", json_schema_extra=_FILLED)
    sites: list[str] = Field([], description="Only for these sites. None: for all.")
    expires_at: str = Field("", description="A date, whose end is meant, or a moment (RFC 3339). Empty: never.")


class LinkGiven(_Given):
    """A link to make."""

    site_id: str = Field(json_schema_extra=_FILLED)
    name: str = Field(json_schema_extra=_FILLED)
    password: str = Field("", description="What a visitor must know. Empty: nothing.")
    filters: str = Field("", description="JSON text that narrows all it shows, such as a filter of the API.")
    embeddable: bool = Field(False, description="Whether pages of other sites may show it in a frame.")


class ShareGiven(_Given):
    """The password of a shared link, where it has one."""

    password: str = ""


class Token(BaseModel):
    """A session's token; it is in the cookie mm_session too."""

    token: str


class Status(BaseModel):
    """The state of the setup and of the request's login."""

    setup_required: bool
    authenticated: bool
    open: bool = Field(description="MALLARD_AUTH=off: every request has all permissions, and there is no login.")


class LoggedOut(BaseModel):
    """The sessions are over."""

    status: Literal["logged out"] = "logged out"


class Revoked(BaseModel):
    """It is over; every instance knows within five seconds."""

    status: Literal["revoked"] = "revoked"


class KeyRow(BaseModel):
    """A key as the store knows it."""

    key_hash: str
    name: str
    scope: str
    created_at: str
    revoked: bool
    sites: list[str]
    expires_at: str | None
    last_used: str | None = Field(description="A date (UTC); no finer moment is kept.")


class NewKey(BaseModel):
    """A new key: `key` is shown this once."""

    key: str
    key_hash: str
    name: str
    scope: str
    sites: list[str] | None = None
    expires_at: str | None = None


class LinkRow(BaseModel):
    """A shared link."""

    slug: str
    site_id: str
    name: str
    created_at: str
    has_password: bool
    filters: str
    embeddable: bool


class Share(BaseModel):
    """Leave to look: the token is for Authorization: Bearer."""

    token: str
    site_id: str
    name: str
    filters: str
    embeddable: bool = Field(description="Whether pages of other sites may show it in a frame.")


def key_row(key: ApiKey) -> KeyRow:
    """A row of the list."""
    return KeyRow(
        key_hash=key.key_hash,
        name=key.name,
        scope=key.scope,
        created_at=key.created_at,
        revoked=key.revoked,
        sites=list(key.sites),
        expires_at=key.expires_at or None,
        last_used=key.last_used or None,
    )


def link_row(link: SharedLink) -> LinkRow:
    """A row of the list."""
    return LinkRow(
        slug=link.slug,
        site_id=link.site_id,
        name=link.name,
        created_at=link.created_at,
        has_password=bool(link.password_hash),
        filters=link.filters,
        embeddable=link.embeddable,
    )
