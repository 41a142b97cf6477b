"""What ``mallard doctor`` says of who gets in, and of what visitor ids are made with."""

from collections.abc import Iterator

from mallard.auth.admin_password import AdminPassword, refuse_weak
from mallard.config import Settings
from mallard.errors import PasswordError, StoreError
from mallard.privacy.salts import SECRET_KEY
from mallard.store.base import Store
from mallard.store.probe import Finding

LEAST_SECRET_LENGTH = 16
HOW_TO_MAKE_A_SECRET = "`openssl rand -hex 32` makes one"  # noqa: S105  # a sentence


def check_access(settings: Settings, store: Store) -> Iterator[Finding]:
    """Password and secret."""
    try:
        yield check_password(settings, store)
        yield check_secret(settings, store)
    except StoreError as error:
        yield Finding("password", False, f"Whether a password is set could not be found out: {error}")


def check_password(settings: Settings, store: Store) -> Finding:
    """Whether strangers are kept out. StoreError where that cannot be found out."""
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
        return Finding("password", True, "No password is set yet: the first visit sets it.")
    how = "open the dashboard with the token that the start printed, or run `mallard password`"
    return Finding("password", False, f"No password is set yet: {how}.")


def _open_to_all(settings: Settings) -> Finding:
    if settings.on_loopback:
        return Finding("password", True, "MALLARD_AUTH=off lets in whoever is on this machine.")
    sentence = f"MALLARD_AUTH=off on {settings.host} lets everyone read, change and erase everything"
    return Finding("password", False, f"{sentence}; leave it on, unless a proxy in front lets nobody else through.")


def check_secret(settings: Settings, store: Store) -> Finding:
    """Whether a copy of the store would do to compute visitor ids. StoreError where that cannot be found out."""
    if settings.secret and len(settings.secret) < LEAST_SECRET_LENGTH:
        return Finding("secret", False, f"MALLARD_SECRET can be guessed; take a longer one: {HOW_TO_MAKE_A_SECRET}.")
    if settings.secret:
        return Finding("secret", True, "MALLARD_SECRET is kept apart from the store.")
    if store.keeps_versions():
        sentence = f"The bucket keeps old salts, and {SECRET_KEY} beside them: who reads it computes old visitor ids"
        return Finding("secret", False, f"{sentence}; set MALLARD_SECRET ({HOW_TO_MAKE_A_SECRET}).")
    return Finding(
        "secret", True, f"It is made once, in {SECRET_KEY} of the store; MALLARD_SECRET would keep it apart."
    )
