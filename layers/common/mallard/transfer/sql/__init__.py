"""SQL statements of imports and exports, one file each."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of ``transfer/sql/<name>.sql``."""
    return files("mallard.transfer.sql").joinpath(f"{name}.sql").read_text("utf-8")
