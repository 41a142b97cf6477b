"""Lazy imports for short-lived processes."""

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec


def run_when_used(name: str) -> None:
    """Have a module run when something of it is first used, not at ``from package import module``.

    Nothing happens if it has run already.
    ``name`` is ``package.module``; ModuleNotFoundError where there is none.
    """
    if name in sys.modules:
        return
    package, _, own = name.rpartition(".")
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    # As an import would: `from package import module` finds it there and does not look into it.
    setattr(import_module(package), own, module)
