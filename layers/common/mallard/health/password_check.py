"""Whether a password is set, as far as a monitor may wait for it."""

from mallard.auth.service import Gate
from mallard.config import Settings
from mallard.health.background_probe import Look

PASSWORD_SECONDS = 1.0


def look_for_password(settings: Settings, gate: Gate) -> Look[bool | None]:
    """True or False; None where the store does not say so in time."""
    return Look(lambda: bool(settings.admin_password or gate.passwords.mark()), None)
