"""DuckDB session setup for reading a bucket: httpfs from its wheel, and a secret."""

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from mallard.errors import StoreUnavailableError


def extension() -> Path | None:
    """The httpfs extension of the installed wheel, None where there is none."""
    package = find_spec("duckdb_extension_httpfs")
    folder = Path(next(iter((package and package.submodule_search_locations) or [""])))
    return max(folder.glob("extensions/*/httpfs.duckdb_extension"), default=None)


def setup(
    *, endpoint: str, region: str, key_id: str, secret: str, session_token: str, ca_bundle: str = ""
) -> tuple[str, ...]:
    """The SQL that loads httpfs and makes the secret ``store``; raises StoreUnavailableError where httpfs is missing.

    ``endpoint`` has a scheme; ``ca_bundle`` is a PEM file of authorities, empty for the system's.
    """
    file = extension()
    if file is None:
        raise StoreUnavailableError("The package duckdb-extension-httpfs is needed to read a bucket, and is missing.")
    address = urlsplit(endpoint)
    options: dict[str, str | bool] = {
        "KEY_ID": key_id,
        "SECRET": secret,
        "SESSION_TOKEN": session_token,
        "REGION": region,
        "ENDPOINT": address.netloc,
        "URL_STYLE": "path",
        "USE_SSL": address.scheme == "https",
    }
    given = ", ".join(f"{name} {_quoted(value)}" for name, value in options.items())
    return (
        f"LOAD {_quoted(str(file))}",
        *([f"SET ca_cert_file = {_quoted(ca_bundle)}"] if ca_bundle else []),
        f"CREATE OR REPLACE SECRET store (TYPE s3, PROVIDER config, {given})",
    )


def _quoted(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"
