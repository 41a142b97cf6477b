"""A module that is put off runs when something of it is used, and is the same then."""

import sys
from pathlib import Path

import pytest

from mallard.ingest.enrich.lazy_import import run_when_used


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose module ``slow`` says by ``sys`` that it has run."""
    name = f"put_off_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "slow.py").write_text(f"import sys\nsys.{name} = sys.__dict__.get('{name}', 0) + 1\nVALUE = 17\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, name, 0, raising=False)
    return name


def runs(package: str) -> int:
    found: int = getattr(sys, package)
    return found


def test_lazy_module_runs_once_at_first_use(package: str) -> None:
    run_when_used(f"{package}.slow")
    found: dict[str, object] = {}
    exec(f"from {package} import slow", found)
    assert runs(package) == 0
    slow = found["slow"]
    assert [slow.VALUE, slow.VALUE] == [17, 17]  # type: ignore[attr-defined]
    assert runs(package) == 1


def test_loaded_module_is_not_replaced_by_a_lazy_one(package: str) -> None:
    found: dict[str, object] = {}
    exec(f"from {package} import slow", found)
    run_when_used(f"{package}.slow")
    assert sys.modules[f"{package}.slow"] is found["slow"]
    assert runs(package) == 1


def test_missing_lazy_module_is_named(package: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"'{package}.none'"):
        run_when_used(f"{package}.none")
