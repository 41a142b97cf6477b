"""Pins the images of the Dockerfile and the compose files by their digests.

    python3 deploy/digests.py

A reference keeps its tag: ``name:tag@sha256:...`` is the image that the tag named when this ran. It takes Docker with
Buildx, and a network. Run it again after a change of a tag, and from time to time for the fixes below an unchanged one.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("Dockerfile", "docker-compose.minio.yml", "localstack/docker-compose.yml")
REFERENCE = re.compile(
    r"^(?P<before>FROM +|\s*image: *(?:\$\{\w+:-)?)(?P<image>[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?", re.MULTILINE
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ANSWER_SECONDS = 120


def main() -> int:
    """Pin all files, or none where a digest cannot be had."""
    find = cache(ask_registry)
    try:
        pinned = {name: pin((ROOT / name).read_text(encoding="utf-8"), find) for name in FILES}
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"Images are not pinned: {error}", file=sys.stderr)
        return 1
    for name, text in pinned.items():
        (ROOT / name).write_text(text, encoding="utf-8")
    return 0


def pin(text: str, find: Callable[[str], str]) -> str:
    """A file with each image's digest behind its tag; ``find`` knows the digest of ``name:tag``."""
    return REFERENCE.sub(lambda match: f"{match['before']}{match['image']}@{find(match['image'])}", text)


def ask_registry(image: str) -> str:
    """The digest of the index of all platforms. Raises OSError, SubprocessError, ValueError for an odd answer."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{json .Manifest}}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    if ended.returncode:
        raise ValueError(f"{image}: {ended.stderr.strip()}")
    digest = json.loads(ended.stdout)["digest"]
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"{image}: its digest reads {digest!r}.")
    return str(digest)


if __name__ == "__main__":
    sys.exit(main())
