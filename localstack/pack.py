"""Packs a build for LocalStack with layers inside the functions, as LocalStack lacks layers.

    .venv/bin/python localstack/pack.py .aws-sam/localstack INTO --bucket mallard-code

writes archives and the template that names them, and makes the bucket that `sam deploy` puts them into: one that SAM
would make itself is a stack more to wait for.
"""

import argparse
import importlib.util
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SIZES = Path(__file__).parents[1] / "deploy" / "sizes.py"
COMPRESSION_LEVEL = 1
"""An archive goes no farther than this machine: time counts, not size."""

INSTEAD = "In the functions.\n"
"""Content of an uploaded layer, which must not be empty."""

Layers = Mapping[str, Sequence[str]]
"""Of each function the folders of its layers."""


def main() -> int:
    """Pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="the folder that sam build filled")
    parser.add_argument("into", type=Path, help="the folder to fill")
    parser.add_argument("--bucket", required=True, help="bucket for sam deploy")
    given = parser.parse_args()
    try:
        pack(given.build, given.into, layers_of_functions())
        boto3.client("s3").create_bucket(Bucket=given.bucket)
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        print(f"{given.build} cannot be packed: {error}", file=sys.stderr)
        return 1
    return 0


def layers_of_functions() -> Layers:
    """Values of template.yaml; tests/deploy compares them."""
    spec = importlib.util.spec_from_file_location("sizes", SIZES)
    if spec is None or spec.loader is None:
        raise ImportError("sizes")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    layers: Layers = module.LAYERS
    return layers


def pack(build: Path, into: Path, layers: Layers) -> None:
    """Archives and their template in ``into``.

    Raises ValueError where a function and its layers hold the same file, or the template names a folder that is neither
    function nor layer; OSError.
    """
    into.mkdir(parents=True, exist_ok=True)
    for function, names in layers.items():
        parts = [build / function, *(build / name / "python" for name in names)]
        write_archive(parts, into / f"{function}.zip")
    for name in _all(layers):
        (into / name).mkdir(exist_ok=True)
        (into / name / "README").write_text(INSTEAD, encoding="utf-8")
    template = pointed((build / "template.yaml").read_text(encoding="utf-8"), layers)
    (into / "template.yaml").write_text(template, encoding="utf-8")


def pointed(template: str, layers: Layers) -> str:
    """The template with the archive for each function's folder."""
    folders = set(re.findall(r"^ +(?:CodeUri|ContentUri): (.+)$", template, re.MULTILINE))
    if folders != set(layers) | _all(layers):
        raise ValueError(f"its template's folders are {', '.join(sorted(folders))}, and not those that are known.")
    return re.sub(r"^( +CodeUri: .+)$", r"\1.zip", template, flags=re.MULTILINE)


def write_archive(parts: Sequence[Path], archive: Path) -> None:
    """One archive of all folders, side by side."""
    written: set[str] = set()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as file:
        for part in parts:
            for each in sorted(each for each in part.rglob("*") if each.is_file()):
                name = each.relative_to(part).as_posix()
                if name in written:
                    raise ValueError(f"{archive.stem} and its layers hold {name} twice.")
                written.add(name)
                file.write(each, name)


def _all(layers: Layers) -> set[str]:
    return {name for names in layers.values() for name in names}


if __name__ == "__main__":
    sys.exit(main())
