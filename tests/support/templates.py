"""The template of AWS as plain values: ``!Ref X`` is ``X``."""

import importlib
from typing import Any

from support.functions import ROOT


def parsed() -> dict[str, Any]:
    """All of template.yaml; the arguments of ``!If`` and the like stand as lists."""
    yaml = importlib.import_module("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Knows the tags of CloudFormation."""

    def plain(loader: Any, _: str, node: Any) -> Any:
        kind = type(node).__name__.removesuffix("Node").lower()
        arguments = {} if kind == "scalar" else {"deep": True}
        return getattr(loader, f"construct_{kind}")(node, **arguments)

    Loader.add_multi_constructor("!", plain)
    found: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=Loader)
    return found
