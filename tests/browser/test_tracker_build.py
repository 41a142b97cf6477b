"""The tracker's files: sizes, names and headers are promises, and the documents name every part."""

import gzip
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from mallard.api.static_files import Scripts
from mallard.errors import ConfigError
from support.server import Server

ROOT = Path(__file__).parents[2]
TRACKER = ROOT / "tracker"
DIST = TRACKER / "dist"
PARTS = {part["name"]: part for part in json.loads((TRACKER / "parts.json").read_text(encoding="utf-8"))}
MAX_SCRIPT_BYTES = 1024
MAX_KIT_BYTES = 1536
A_FEW_HUNDRED_BYTES = 600
MAX_ALL_GZIPPED_BYTES = 3500


def build(folder: Path, *parts: str) -> subprocess.CompletedProcess[str]:
    """Builds a copy of the tracker's sources."""
    if not folder.exists():
        shutil.copytree(TRACKER, folder / "tracker", ignore=shutil.ignore_patterns("dist"))
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    command = ["node", "tracker/build.mjs", *parts]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build") / "copy"
    ended = build(folder, "tagged", "outbound")
    assert ended.returncode == 0, ended.stderr
    for name, part in PARTS.items():
        assert re.search(rf"dist/parts/{name}\.js: \d+ bytes of {part['max_bytes']}\n", ended.stdout)
    return folder / "tracker" / "dist"


def test_served_tracker_files_match_a_fresh_build(built: Path) -> None:
    served = [path for path in built.rglob("*") if path.is_file() and path.name != "script.outbound.tagged.js"]
    assert len(served) == len(PARTS) + 5
    for path in served:
        assert path.read_bytes() == (DIST / path.relative_to(built)).read_bytes(), "run `node tracker/build.mjs`"


def test_the_core_is_at_most_1024_bytes() -> None:
    script = (DIST / "script.js").read_bytes()
    assert 0 < len(script) <= MAX_SCRIPT_BYTES
    assert b"sourceMappingURL" not in script


@pytest.mark.parametrize("name", PARTS)
def test_a_part_keeps_its_limit(name: str) -> None:
    limit = PARTS[name]["max_bytes"]
    assert 0 < len((DIST / "parts" / f"{name}.js").read_bytes()) <= limit
    # Web vitals are three measures in one.
    assert limit <= (MAX_SCRIPT_BYTES if name == "web-vitals" else A_FEW_HUNDRED_BYTES)


def test_tracker_kit_and_full_script_stay_small() -> None:
    assert 0 < len((DIST / "kit.js").read_bytes()) <= MAX_KIT_BYTES
    text = Scripts(DIST).text(f"script.{'.'.join(PARTS)}.js")
    assert text is not None
    assert len(gzip.compress(text.encode())) <= MAX_ALL_GZIPPED_BYTES


def test_build_over_a_size_limit_fails_and_names_the_file(tmp_path: Path) -> None:
    build(tmp_path / "copy")
    source = tmp_path / "copy" / "tracker" / "parts" / "optout.js"
    source.write_text(source.read_text().replace('"true"', f'"{"x" * 100}"'))
    ended = build(tmp_path / "copy")
    assert ended.returncode == 1
    assert re.search(r"dist/parts/optout\.js would be \d+ bytes, over the limit of 80\.", ended.stderr)


def test_build_composes_the_same_script_as_the_server(built: Path) -> None:
    composed = (built / "script.outbound.tagged.js").read_text()
    assert composed == Scripts(DIST).text("script.outbound.tagged.js")


def test_build_with_an_unknown_part_fails_in_one_sentence(tmp_path: Path) -> None:
    ended = build(tmp_path / "copy", "outbund")
    assert ended.returncode == 1
    assert ended.stderr == f"There is no part outbund; there are {', '.join(PARTS)}.\n"


PARSE = """
import { readFileSync } from "node:fs";
import { parse } from "acorn";
const [ecmaVersion, ...files] = JSON.parse(process.argv[1]);
for (const [file, sourceType, isExpression] of files) {
    const text = readFileSync(file, "utf8");
    parse(isExpression ? `(${text})` : text, { ecmaVersion, sourceType });
}
"""


def test_scripts_parse_as_the_documented_ecma_version() -> None:
    documented = re.search(r"are ES(\d{4}), and tests verify this", (TRACKER / "README.md").read_text(encoding="utf-8"))
    assert documented is not None
    stated = re.findall(r"ecma: (\d{4})", (TRACKER / "build.mjs").read_text(encoding="utf-8"))
    assert stated == [documented[1]]
    expressions = [DIST / "kit.js", *(DIST / "parts").iterdir()]
    modules = [DIST / "mallard.mjs", *(TRACKER / f"{name}.js" for name in ("core", "kit", "module"))]
    files = [
        (str(DIST / "script.js"), "script", False),
        *((str(path), "script", True) for path in expressions),
        *((str(path), "module", False) for path in [*modules, *(TRACKER / "parts").iterdir()]),
    ]
    command = ["node", "--input-type=module", "--eval", PARSE, json.dumps([int(documented[1]), *files])]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr


# Documents and types


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_a_file_a_section_with_a_snippet_and_its_size(name: str) -> None:
    text = (TRACKER / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^### `{name}`\n(.*?)(?=^##)", text, re.DOTALL | re.MULTILINE)
    assert section is not None
    assert f"script.{name}.js" in section[1]
    row = re.search(rf"^\| \[`{name}`\]\(#{name}\) \| (\d+) \|", text, re.MULTILINE)
    assert row is not None
    assert int(row[1]) == PARTS[name]["max_bytes"]
    assert (TRACKER / "parts" / f"{name}.js").is_file()


def test_tracker_parts_on_disk_match_the_list() -> None:
    assert sorted(path.stem for path in (TRACKER / "parts").iterdir()) == sorted(PARTS)


def test_the_types_and_the_module_export_every_part() -> None:
    types = (TRACKER / "mallard.d.ts").read_text(encoding="utf-8")
    module = (TRACKER / "module.js").read_text(encoding="utf-8")
    exports = sorted(part["export"] for part in PARTS.values())
    assert sorted(re.findall(r"export const (\w+): Part;", types)) == exports
    assert sorted(re.findall(r"export \{ default as (\w+) \} from", module)) == exports


def test_privacy_page_names_the_parts_that_use_device_storage() -> None:
    said = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert "`mallard_ignore`" in said
    for name in PARTS:
        source = (TRACKER / "parts" / f"{name}.js").read_text(encoding="utf-8")
        stores = re.search(r"\b(localStorage|sessionStorage|indexedDB|cookie|caches)\b[.\[(]", source)
        assert bool(stores) == (name == "optout")
    core = (DIST / "script.js").read_text() + (DIST / "kit.js").read_text()
    assert not re.search("Storage|indexedDB|cookie|caches", core)


# Over HTTP


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Server(tmp_path_factory.mktemp("server") / "data") as server:
        yield f"{server.origin}/tracking"


def get(address: str, headers: dict[str, str] | None = None) -> tuple[int, Message, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers or {}), timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()


def test_order_of_parts_in_the_script_name_is_irrelevant(origin: str) -> None:
    status, headers, body = get(f"{origin}/script.tagged.outbound.js")
    assert status == 200
    assert (status, body) == get(f"{origin}/script.outbound.tagged.js")[::2]
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["cache-control"] == "public, max-age=3600"
    assert headers["access-control-allow-origin"] == "*"
    assert body.endswith((DIST / "script.js").read_bytes())


@pytest.mark.parametrize("name", ["script.js", "script.hash.js", "mallard.mjs"])
def test_cached_script_is_304(origin: str, name: str) -> None:
    _, headers, body = get(f"{origin}/{name}")
    assert body
    again = get(f"{origin}/{name}", {"If-None-Match": headers["etag"]})
    assert (again[0], again[2], again[1]["etag"]) == (304, b"", headers["etag"])
    assert get(f"{origin}/{name}", {"If-None-Match": '"other"'})[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "script.outbund.js",
        "script.hash.hash.js",
        "script..js",
        "script",
        "kit.js",
        "parts.json",
        "script.js.js",
        "..%2fapp",
    ],
)
def test_script_with_an_unknown_part_is_404(origin: str, name: str) -> None:
    status, _, body = get(f"{origin}/{name}")
    assert status == 404
    assert json.loads(body)["error"]


def test_missing_tracker_build_raises_an_error_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make setup"):
        Scripts(tmp_path)
