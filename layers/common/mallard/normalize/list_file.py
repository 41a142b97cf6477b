"""Reader of curated lists: text files with one entry a line and comments after #."""

from pathlib import Path


def read_list(path: Path) -> list[str]:
    """The entries, without blank lines and comments."""
    lines = path.read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def read_sections(path: Path) -> dict[str, list[str]]:
    """The words of each ``[section]``, separated by spaces or lines."""
    sections: dict[str, list[str]] = {}
    words: list[str] = []
    for line in read_list(path):
        if line.startswith("["):
            words = sections.setdefault(line.strip("[]"), [])
        else:
            words += line.split()
    return sections
