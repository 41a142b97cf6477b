"""Reader of the pinned lists of packages and their hashes."""

from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[2]
LISTS = sorted(
    file
    for folder in ("requirements", "functions", "layers")
    for file in [*(ROOT / folder).glob("*.txt"), *(ROOT / folder).glob("*/requirements.txt")]
)
"""Of the product and its tools; those of the peers stand below ``requirements/peers``."""

PEERS = sorted((ROOT / "requirements" / "peers").glob("*.txt"))


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a list; ``options`` stand behind it, a hash each."""

    requirement: Requirement
    options: tuple[str, ...]

    @property
    def name(self) -> NormalizedName:
        """In the spelling of the index."""
        return canonicalize_name(self.requirement.name)


def read_pins(file: Path) -> list[Pin]:
    """Packages of a list in order; InvalidRequirement for any other line but a comment."""
    whole = file.read_text("utf-8").replace("\\\n", " ")
    lines = (line.partition("#")[0].split(" --") for line in whole.splitlines())
    return [Pin(Requirement(head), tuple(each.strip() for each in rest)) for head, *rest in lines if head.strip()]
