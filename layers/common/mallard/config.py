"""Settings: environment over TOML over defaults. The only reader of the environment."""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from mallard.errors import ConfigError
from mallard.http.addresses import Network
from mallard.setting_parsers import (
    contacts,
    folder_or_bucket,
    geoip_location,
    http_address,
    networks,
    one_of,
    password,
    queue_location,
    site_patterns,
    text,
    truth,
    truth_or_word,
    web_origin,
    whole,
)

_SECRETS = {"secret", "admin_password", "metrics_token", "edge_secret", "ingest_key"}
"""Never shown, and each may be the name of a parameter instead."""

_PARAMETER = "ssm:"


def _setting(default: Any, parse: Callable[[str], Any], help_text: str, *, toml: str | None = None) -> Any:
    return field(default=default, metadata={"parse": parse, "help": help_text, "toml": toml})


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """Settings of every program: the store, the queue, the secret and the log."""

    data_dir: str = _setting("data", text, "Folder of the local store and queue.")
    store: str = _setting(
        "", folder_or_bucket, "Location of the table: a folder, or s3://bucket/prefix. Empty: the data folder."
    )
    s3_endpoint: str = _setting("", http_address, "Address of an S3-compatible server. Empty: AWS.")
    s3_region: str = _setting("", text, "Region of the bucket. Empty: AWS_REGION, else us-east-1.")
    single_writer: bool = _setting(False, truth, "Single-writer mode, for a store without conditional writes.")
    queue: str = _setting("local", queue_location, "local, or the URL of an SQS queue.")
    secret: str = _setting(
        "", text, "Secret that signs sessions and derives the ingest key. Empty: generated once, in config/."
    )
    log_format: str = _setting("text", one_of("text", "json"), "Format of log lines: text or json.")
    log_level: str = _setting("info", one_of("debug", "info", "warning", "error"), "debug, info, warning or error.")
    tracing: bool = _setting(False, truth, "On AWS: trace calls with X-Ray; requires a layer with its SDK.")
    cloudwatch_metrics: bool = _setting(
        False, truth, "On AWS: write all counts as CloudWatch metrics, each at a price; else only those of faults."
    )

    @property
    def store_location(self) -> str:
        """The folder or ``s3://`` address of the table."""
        return self.store or self.data_dir


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings of ``mallard serve`` alone: its address, its queue on disk and its end."""

    host: str = _setting("127.0.0.1", text, "Address the server listens on.")
    port: int = _setting(8000, whole(0, 65535), "Port the server listens on; 0: a free port.")
    min_free_mb: int = _setting(
        256,
        whole(0, 1_000_000),
        "MB to keep free on the disk of the local queue; below, events are answered 503.",
    )
    queue_max_mb: int = _setting(
        4096,
        whole(16, 10_000_000),
        "MB of events in the local queue; beyond, new events are answered 503.",
    )
    shutdown_timeout: int = _setting(30, whole(1, 3600), "Maximum seconds of a shutdown.", toml="shutdown_timeout_secs")

    @property
    def on_loopback(self) -> bool:
        """True where only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, kw_only=True)
class AuthSettings:
    """Settings of logins, read by the programs that answer the API."""

    auth: str = _setting(
        "on", truth_or_word(true="on", false="off"), "off: every client that reaches the server has full access."
    )
    admin_password: str = _setting("", password, "Password of the dashboard; overrides a stored one.")
    session_ttl: int = _setting(
        86_400, whole(1, 31_536_000), "Lifetime of a login in seconds.", toml="session_ttl_secs"
    )
    secure_cookies: str = _setting(
        "auto", truth_or_word("auto"), "Send the session's cookie over HTTPS only. auto: if the login used HTTPS."
    )
    dashboard_origin: str = _setting(
        "", web_origin, "Origin of a dashboard on another site, which may send requests with a token. Empty: none."
    )
    max_login_attempts: int = _setting(5, whole(1, 1000), "Wrong passwords from one address that block its logins.")
    login_lockout: int = _setting(
        300, whole(1, 86_400), "Seconds that logins of an address stay blocked.", toml="login_lockout_secs"
    )


@dataclass(frozen=True, kw_only=True)
class ProxySettings:
    """Settings of the proxies and the CDN in front, read by ingest and the API."""

    trusted_proxies: tuple[Network, ...] = _setting(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        networks,
        "Networks whose X-Forwarded-For is trusted.",
    )
    edge_secret: str = _setting("", text, "Secret that the CDN sends as X-Mallard-Edge. Empty: no CDN is trusted.")
    edge_cdn: str = _setting(
        "cloudfront", one_of("cloudfront", "cloudflare", "fastly"), "CDN whose headers give viewer and place."
    )
    edge_only: bool = _setting(
        False, truth, "On AWS: reject requests without MALLARD_EDGE_SECRET, such as those around the CDN."
    )


@dataclass(frozen=True, kw_only=True)
class PrivacySettings:
    """Settings that decide what is stored of an event, read by ingest."""

    honor_gpc: bool = _setting(True, truth, "Give no visitor id to events with Sec-GPC or DNT.")
    visitor_rotation: str = _setting("day", one_of("day", "week", "month"), "Lifetime of a visitor id.")
    gdpr_mode: bool = _setting(False, truth, "The next five settings, and places to the country only.")
    strip_referrer_query: bool = _setting(True, truth, "Store referrers without their query.")
    round_timestamps: bool = _setting(False, truth, "Store only the hour of an event.")
    suppress_browser_version: bool = _setting(False, truth, "Store no browser version.")
    suppress_os_version: bool = _setting(False, truth, "Store no version of the operating system.")
    suppress_screen_size: bool = _setting(False, truth, "Store no screen size; the device class stays.")
    suppress_visitor_id: bool = _setting(False, truth, "Store no visitor ids.")
    mask_paths: bool = _setting(
        True, truth, "Store * for mail addresses and long tokens in paths of pages and referrers."
    )

    @property
    def rounds_times(self) -> bool:
        """True where events are stored with their hour only."""
        return self.gdpr_mode or self.round_timestamps


@dataclass(frozen=True, kw_only=True)
class IngestSettings:
    """Settings of the programs that take events."""

    ingest_key: str = _setting(
        "",
        text,
        "Key of visitor ids and named events. Empty: derived from MALLARD_SECRET, or generated once, in salts/.",
    )
    sites: tuple[str, ...] = _setting((), site_patterns, "Allow-list of site ids and *.domain. Empty: any site.")
    new_sites_per_hour: int = _setting(
        100, whole(0, 1_000_000), "New sites accepted in an hour beyond those listed in full or with settings."
    )
    filter_bots: bool = _setting(True, truth, "Drop events of bots.")
    count_local: bool = _setting(False, truth, "Count pages on localhost and on private addresses.")
    count_automation: bool = _setting(False, truth, "Count browsers that a program drives (navigator.webdriver).")
    rate_limit: int = _setting(
        0,
        whole(0, 1_000_000),
        "Events per second and site, per process. 0: no limit.",
        toml="rate_limit_per_site",
    )
    client_kb_per_minute: int = _setting(
        2048,
        whole(0, 1_000_000),
        "KB of events that one address may send in a minute, per process. 0: no limit.",
    )
    site_mb_per_minute: int = _setting(
        120, whole(0, 1_000_000), "MB of events that one site may receive in a minute, per process. 0: no limit."
    )
    geoip_db: str = _setting(
        "",
        geoip_location,
        "MaxMind City or Country database: a path, or s3://bucket/key. Empty: none.",
        toml="geoip_db_path",
    )
    geoip_precision: str = _setting(
        "city", one_of("city", "region", "country", "none"), "The finest place that is stored."
    )


@dataclass(frozen=True, kw_only=True)
class FlushSettings:
    """Settings of the programs that write the table."""

    flush_count: int = _setting(
        1000, whole(1, 1_000_000), "Pending events that start a flush.", toml="flush_event_count"
    )
    flush_interval: int = _setting(60, whole(1, 86_400), "Seconds between flushes.", toml="flush_interval_secs")
    flush_quiet: int = _setting(
        0,
        whole(0, 36_000),
        "Seconds that events of quiet sites are batched if there are many such sites. 0: no batching.",
        toml="flush_quiet_secs",
    )
    seal_rows: int = _setting(262_144, whole(1000, 1_048_576), "Events in a segment before it is sealed.")
    retention_days: int = _setting(
        0,
        whole(0, 36_500),
        "Days that events are stored, by the local date of the site; deletion follows two days later. 0: for ever.",
    )
    retention_keep_rollups: bool = _setting(
        False,
        truth,
        "Keep the daily counts of days whose events are deleted; responses then give the first day with events.",
    )


@dataclass(frozen=True, kw_only=True)
class QuerySettings:
    """Settings of the programs that answer the API."""

    metrics_token: str = _setting("", text, "Bearer token that /metrics requires. Empty: none.")
    security_contact: tuple[str, ...] = _setting(
        (), contacts, "Security contacts in security.txt: addresses mailto: or https://. Empty: none."
    )
    query_memory_mb: int = _setting(512, whole(128, 1_000_000), "Memory of the query engine, in MB.")
    query_threads: int = _setting(2, whole(1, 256), "Threads of the query engine.")
    query_seconds: int = _setting(30, whole(1, 900), "Maximum seconds of a query.")
    sql: bool = _setting(False, truth, "Answer SQL queries at /api/sql.")
    cache_ttl: int = _setting(
        60,
        whole(0, 86_400),
        "Lifetime of cached results in seconds. 0: no cache.",
        toml="cache_ttl_secs",
    )


@dataclass(frozen=True, kw_only=True)
class Settings(
    QuerySettings,
    FlushSettings,
    IngestSettings,
    PrivacySettings,
    ProxySettings,
    AuthSettings,
    ServerSettings,
    CommonSettings,
):
    """Every setting: field ``host`` is ``MALLARD_HOST`` in the environment, ``host`` (or its ``toml`` name) in TOML.

    The groups, by the programs that read them, are types of parameters: a function that takes ``FlushSettings`` reads
    no other setting.
    """


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a Python of this machine needs to start, none of which is a secret."""
    given = os.environ if environ is None else environ
    return {name: given[name] for name in ("LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR") if name in given}


def variable(name: str) -> str:
    """The environment variable of a field."""
    return f"MALLARD_{name.upper()}"


def load_settings(
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
    *,
    read_parameter: Callable[[str], str] | None = None,
) -> Settings:
    """Settings from the environment over an optional TOML file.

    ``ssm:NAME`` in place of a secret is the value that ``read_parameter`` returns for NAME; its errors pass through.
    Raises ConfigError with one sentence that names the variable or key, its value and what is allowed.
    A ``MALLARD_*`` variable or key that is not a setting is refused too: a typo must not run with a default.
    """
    given = {**_from_toml(config_file), **_from_environment(os.environ if environ is None else environ)}
    return Settings(
        **{
            name: _parse(name, label, _resolved(name, label, value, read_parameter))
            for name, (label, value) in given.items()
        }
    )


def _resolved(name: str, label: str, value: str, read_parameter: Callable[[str], str] | None) -> str:
    """The value, or that of the parameter that it names in place of a secret."""
    if name not in _SECRETS or not value.startswith(_PARAMETER):
        return value
    if read_parameter is None:
        raise ConfigError(f"{label} names a parameter of AWS, which the functions on AWS alone read.")
    return read_parameter(value.removeprefix(_PARAMETER))


def _parse(name: str, label: str, value: str) -> Any:
    parse = Settings.__dataclass_fields__[name].metadata["parse"]
    if not value and name != "sites":
        return Settings.__dataclass_fields__[name].default
    try:
        return parse(value)
    except ValueError as error:
        shown = "" if name in _SECRETS else f" is {value!r}, but"
        raise ConfigError(f"{label}{shown} must be {error}.") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = {variable(each.name): each.name for each in fields(Settings)}
    unknown = sorted(key for key in environ if key.startswith("MALLARD_") and key not in names and not _foreign(key))
    if unknown:
        raise ConfigError(f"{unknown[0]} is not a setting; docs/configuration.md lists them all.")
    return {names[key]: (key, value) for key, value in environ.items() if key in names}


def _foreign(key: str) -> bool:
    return key.startswith("MALLARD_TEST_")


def _from_toml(config_file: Path | None) -> dict[str, tuple[str, str]]:
    if config_file is None:
        return {}
    try:
        document = tomllib.loads(config_file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration file {config_file} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration file {config_file} is not TOML: {error}.") from None
    names = {
        spelling: each.name for each in fields(Settings) for spelling in (each.metadata["toml"], each.name) if spelling
    }
    unknown = sorted(set(document) - set(names))
    if unknown:
        raise ConfigError(f"{unknown[0]} in {config_file} is not a setting; docs/configuration.md lists them all.")
    return {
        names[key]: (f"{key} in {config_file}", _toml_text(names[key], key, value)) for key, value in document.items()
    }


def _toml_text(name: str, key: str, value: Any) -> str:
    is_list = isinstance(value, list) and isinstance(Settings.__dataclass_fields__[name].default, tuple)
    if isinstance(value, list | dict) and not is_list:
        raise ConfigError(f"{key} must be one value, not a list or a table.")
    if is_list:
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
