"""Whether a password is set, as far as a monitor may wait for it."""

from mallard.auth.service import AuthService
from mallard.config import Settings
from mallard.health.background_probe import BackgroundProbe

PASSWORD_SECONDS = 1.0


def look_for_password(settings: Settings, gate: AuthService) -> BackgroundProbe[bool | None]:
    """True or False; None where the store does not say so in time."""
    return BackgroundProbe(lambda: bool(settings.admin_password or gate.passwords.mark()), None)
