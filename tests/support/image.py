"""The Dockerfile as data, and its stages run in one folder: what an engine does, but for the container around it."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """One stage: what it begins with, its name, and its instructions in order."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def given(self, instruction: str) -> list[str]:
        """What stands behind each such instruction."""
        return [rest for word, rest in self.steps if word == instruction]

    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        pairs = re.findall(r"(\w+)=(\S+)", " ".join(self.given("ENV")))
        return {name: value.strip('"') for name, value in pairs}


def stages(dockerfile: Path = ROOT / "Dockerfile") -> list[Stage]:
    """All stages."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif word:
            found[-1].steps.append((word, rest.strip()))
    return found


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file of the repository into a build: of its lines the last that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and _fits(line.removeprefix("!"), path):
            sent = line.startswith("!")
    return sent


def _fits(pattern: str, path: str) -> bool:
    parents = [path, *(str(each) for each in Path(path).parents if str(each) != ".")]
    if pattern.startswith("**/"):
        return any(fnmatch(Path(each).name, pattern[3:]) for each in parents)
    return pattern == "*" or any(each == pattern for each in parents)


def tracked() -> list[str]:
    """Every file of the repository, and those beside them that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def build(folder: Path) -> Path:
    """What the image has in /app, made by the stages' own COPY and RUN: all of them in one folder, for pip notes it."""
    *before, _ = stages()
    app = folder / "app"
    app.mkdir()
    for stage in before:
        for word, rest in stage.steps:
            if word == "COPY":
                *sources, target = rest.split()
                if target.endswith("/"):
                    (app / target).mkdir(parents=True, exist_ok=True)
                for source in sources:
                    _copy(source.rstrip("/"), app / target)
            elif word == "RUN":
                _run(rest, app)
    return app


def _copy(source: str, target: Path) -> None:
    for path in tracked():
        if (path == source or path.startswith(f"{source}/")) and is_sent(path):
            there = target / path.removeprefix(source).lstrip("/") if path != source else target
            if there.is_dir():
                there /= Path(path).name
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, there)


def _run(command: str, app: Path) -> None:
    environment = {"PATH": f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}", "HOME": str(app.parent)}
    subprocess.run(["/bin/sh", "-ec", command], cwd=app, env=environment, check=True, stdout=subprocess.DEVNULL)


def exec_form(text: str) -> list[str]:
    """The words of an instruction in exec form; ValueError where it is in another."""
    words: list[str] = json.loads(text)
    return words
