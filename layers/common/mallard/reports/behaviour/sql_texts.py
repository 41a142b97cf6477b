"""The texts in ``reports/behaviour/sql``."""

from functools import cache
from importlib.resources import files


@cache
def sql_file(name: str) -> str:
    """The text of ``reports/behaviour/sql/<name>.sql``."""
    return files("mallard.reports.behaviour").joinpath("sql", f"{name}.sql").read_text("utf-8")
