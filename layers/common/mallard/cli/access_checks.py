"""Checks of the password and the secret for ``mallard doctor``."""

from collections.abc import Iterator

from mallard.auth.admin_password import AdminPassword, refuse_weak
from mallard.config import Settings
from mallard.errors import PasswordError, StoreError
from mallard.privacy.salts import SECRET_KEY
from mallard.store.base import Store
from mallard.store.probe import Finding

LEAST_SECRET_LENGTH = 16
HOW_TO_MAKE_A_SECRET = "`openssl rand -hex 32` generates one"  # noqa: S105  # a sentence


def check_access(settings: Settings, store: Store) -> Iterator[Finding]:
    """Findings on the password and the secret."""
    try:
        yield check_password(settings, store)
        yield check_secret(settings, store)
    except StoreError as error:
        yield Finding("password", False, f"The stored password could not be read: {error}")


def check_password(settings: Settings, store: Store) -> Finding:
    """Check that a password protects the server. StoreError where the store cannot be read."""
    if settings.auth == "off":
        return _open_to_all(settings)
    try:
        if settings.admin_password:
            refuse_weak(settings.admin_password)
            return Finding("password", True, "MALLARD_ADMIN_PASSWORD is set.")
    except PasswordError as error:
        return Finding("password", False, f"MALLARD_ADMIN_PASSWORD: {error}")
    if AdminPassword(store).mark():
        return Finding("password", True, "A password is set.")
    if settings.on_loopback:
        return Finding("password", True, "No password is set; it can be set at the first visit from this machine.")
    how = "open the dashboard with the token printed at startup, or run `mallard password`"
    return Finding("password", False, f"No password is set; {how}.")


def _open_to_all(settings: Settings) -> Finding:
    if settings.on_loopback:
        return Finding("password", True, "MALLARD_AUTH=off gives all users of this machine full access.")
    sentence = f"MALLARD_AUTH=off on {settings.host} lets all clients read, change and erase everything"
    return Finding("password", False, f"{sentence}; enable it, unless a reverse proxy authenticates all clients.")


def check_secret(settings: Settings, store: Store) -> Finding:
    """Check that a copy of the store cannot compute visitor ids. StoreError where the store cannot be read."""
    if settings.secret and len(settings.secret) < LEAST_SECRET_LENGTH:
        return Finding(
            "secret",
            False,
            f"MALLARD_SECRET has under {LEAST_SECRET_LENGTH} characters; use a longer one: {HOW_TO_MAKE_A_SECRET}.",
        )
    if settings.secret:
        return Finding("secret", True, "MALLARD_SECRET is set, so the secret is not in the store.")
    if store.keeps_versions():
        sentence = f"The bucket keeps versions of salts beside {SECRET_KEY}: its readers can compute old visitor ids"
        return Finding("secret", False, f"{sentence}; set MALLARD_SECRET ({HOW_TO_MAKE_A_SECRET}).")
    return Finding(
        "secret", True, f"The secret is in {SECRET_KEY} of the store; MALLARD_SECRET would separate it from the data."
    )
