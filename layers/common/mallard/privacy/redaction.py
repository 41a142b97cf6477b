"""Parts of an event that are not stored: MALLARD_GDPR_MODE, its parts, and masks."""

from dataclasses import dataclass, field

from mallard.config import Settings
from mallard.normalize.masks import masked_address


@dataclass(frozen=True, slots=True)
class Redaction:
    """Each part is off here; ``of`` reads the settings, by which referrers are stripped and paths masked."""

    strip_referrer_query: bool = False
    round_timestamps: bool = False
    suppress_browser_version: bool = False
    suppress_os_version: bool = False
    suppress_screen_size: bool = False
    suppress_visitor_id: bool = False
    mask_paths: bool = False
    unkept: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Columns that stay empty."""

    def __post_init__(self) -> None:
        columns = {
            "browser_version": self.suppress_browser_version,
            "os_version": self.suppress_os_version,
            "screen_size": self.suppress_screen_size,
        }
        object.__setattr__(self, "unkept", tuple(name for name, is_unkept in columns.items() if is_unkept))

    @classmethod
    def of(cls, settings: Settings) -> "Redaction":
        """The parts that are set, one by one or all by MALLARD_GDPR_MODE (but the visitor id, which is its own)."""
        gdpr = settings.gdpr_mode
        return cls(
            strip_referrer_query=gdpr or settings.strip_referrer_query,
            round_timestamps=settings.rounds_times,
            suppress_browser_version=gdpr or settings.suppress_browser_version,
            suppress_os_version=gdpr or settings.suppress_os_version,
            suppress_screen_size=gdpr or settings.suppress_screen_size,
            suppress_visitor_id=settings.suppress_visitor_id,
            mask_paths=settings.mask_paths,
        )


KEEP_ALL = Redaction()


def kept_referrer(referrer: str, *, strips: bool, masks: bool) -> str:
    """A stored referrer, without its query and fragment where ``strips``, masked where ``masks``."""
    if strips:
        referrer = referrer.partition("?")[0].partition("#")[0]
    return masked_address(referrer) if masks else referrer
