"""Redaction of events before they are stored: MALLARD_GDPR_MODE, its parts, and masks."""

from dataclasses import dataclass, field

from mallard.normalize.masks import masked_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """The parts of an event that are removed; none by default."""

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


KEEP_ALL = Redaction()


def kept_referrer(referrer: str, *, strips: bool, masks: bool) -> str:
    """A stored referrer, without its query and fragment where ``strips``, masked where ``masks``."""
    if strips:
        referrer = referrer.partition("?")[0].partition("#")[0]
    return masked_address(referrer) if masks else referrer
