"""Settings: environment over TOML over defaults, and one sentence for whatever is wrong."""

import re
import tomllib
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from mallard.config import Settings, load_settings, variable
from mallard.errors import ConfigError

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "mallard-metrics.toml.example"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SECRET = "hunter2-and-more"
CONTACTS = "addresses separated by commas, such as mailto:security@example.com,https://example.com/report"

DEFAULTS: dict[str, Any] = {
    "MALLARD_HOST": "127.0.0.1",
    "MALLARD_PORT": 8000,
    "MALLARD_DATA_DIR": "data",
    "MALLARD_STORE": "",
    "MALLARD_S3_ENDPOINT": "",
    "MALLARD_QUEUE": "local",
    "MALLARD_SECRET": "",
    "MALLARD_SITES": (),
    "MALLARD_HONOR_GPC": True,
    "MALLARD_FILTER_BOTS": True,
    "MALLARD_COUNT_LOCAL": False,
    "MALLARD_COUNT_AUTOMATION": False,
    "MALLARD_RATE_LIMIT": 0,
    "MALLARD_TRUSTED_PROXIES": LOOPBACK,
    "MALLARD_FLUSH_COUNT": 1000,
    "MALLARD_FLUSH_INTERVAL": 60,
    "MALLARD_SEAL_ROWS": 262_144,
    "MALLARD_SHUTDOWN_TIMEOUT": 30,
    "MALLARD_LOG_FORMAT": "text",
    "MALLARD_LOG_LEVEL": "info",
}

NAMES = [each.name for each in fields(Settings)]
TOML_KEYS = {each.name: each.metadata["toml"] or each.name for each in fields(Settings)}


def from_environment(**environ: str) -> Settings:
    return load_settings(environ)


def setting(label: str, settings: Settings) -> Any:
    return getattr(settings, label.removeprefix("MALLARD_").lower())


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "mallard-metrics.toml"


def from_toml(file: Path, text: str, **environ: str) -> Settings:
    file.write_text(text, "utf-8")
    return load_settings(environ, file)


def sentence(refused: pytest.ExceptionInfo[ConfigError]) -> str:
    """The message, which is one sentence on one line."""
    text = str(refused.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


# Defaults


@pytest.mark.parametrize("label", DEFAULTS)
def test_every_setting_has_its_documented_default(label: str) -> None:
    assert setting(label, load_settings({})) == DEFAULTS[label]


def test_no_environment_and_no_file_give_the_defaults() -> None:
    assert load_settings({}) == load_settings({"PATH": "/bin", "HOME": "/root"}) == Settings()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_the_default(name: str) -> None:
    assert load_settings({variable(name): ""}) == Settings()


def test_environment_of_the_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"MALLARD_PORT": "9001"})
    assert load_settings().port == 9001


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


# The environment


@pytest.mark.parametrize(
    ("label", "text", "value"),
    [
        ("MALLARD_HOST", "0.0.0.0", "0.0.0.0"),
        ("MALLARD_PORT", "0", 0),
        ("MALLARD_PORT", "65535", 65535),
        ("MALLARD_DATA_DIR", "/srv/mallard", "/srv/mallard"),
        ("MALLARD_STORE", "s3://bucket/prefix", "s3://bucket/prefix"),
        ("MALLARD_STORE", "table", "table"),
        ("MALLARD_S3_ENDPOINT", "http://localhost:9000/", "http://localhost:9000"),
        ("MALLARD_QUEUE", "https://sqs.eu-central-1.amazonaws.com/1/q", "https://sqs.eu-central-1.amazonaws.com/1/q"),
        ("MALLARD_SECRET", "  kept as it is ", "  kept as it is "),
        ("MALLARD_SITES", "Example.com, *.Example.org,,", ("example.com", "*.example.org")),
        ("MALLARD_SITES", "localhost:8080", ("localhost:8080",)),
        ("MALLARD_SITES", "Bücher.example,*.faß.example", ("xn--bcher-kva.example", "*.xn--fa-hia.example")),
        ("MALLARD_TRUSTED_PROXIES", "10.0.0.0/8", (ip_network("10.0.0.0/8"),)),
        ("MALLARD_TRUSTED_PROXIES", "10.1.2.3/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
        ("MALLARD_RATE_LIMIT", "1000000", 1_000_000),
        ("MALLARD_LOG_FORMAT", "JSON", "json"),
        ("MALLARD_LOG_LEVEL", "Debug", "debug"),
        ("MALLARD_AUTH", "off", "off"),
    ],
)
def test_a_variable_is_read(label: str, text: str, value: Any) -> None:
    assert setting(label, load_settings({label: text})) == value


@pytest.mark.parametrize(
    ("word", "value"),
    [(word, True) for word in ("true", "1", "YES", "on")] + [(word, False) for word in ("False", "0", "no", "off")],
)
def test_switch_setting_accepts_the_usual_words(word: str, value: bool) -> None:
    settings = from_environment(MALLARD_FILTER_BOTS=word, MALLARD_HONOR_GPC=word)
    assert settings.filter_bots is settings.honor_gpc is value


# Wrong values

WRONG = [
    *[("MALLARD_PORT", text, "a whole number from 0 to 65535") for text in ("x", "-1", "65536", "80.5", "8000 tcp")],
    ("MALLARD_FLUSH_COUNT", "0", "a whole number from 1 to 1000000"),
    ("MALLARD_FLUSH_COUNT", "9" * 5000, "a whole number from 1 to 1000000"),
    ("MALLARD_FLUSH_INTERVAL", "0", "a whole number from 1 to 86400"),
    ("MALLARD_FLUSH_INTERVAL", "60s", "a whole number from 1 to 86400"),
    ("MALLARD_SEAL_ROWS", "999", "a whole number from 1000 to 1048576"),
    ("MALLARD_SHUTDOWN_TIMEOUT", "3601", "a whole number from 1 to 3600"),
    ("MALLARD_RATE_LIMIT", "-1", "a whole number from 0 to 1000000"),
    ("MALLARD_QUERY_MEMORY_MB", "127", "a whole number from 128 to 1000000"),
    ("MALLARD_QUERY_THREADS", "0", "a whole number from 1 to 256"),
    ("MALLARD_FILTER_BOTS", "maybe", "true or false"),
    ("MALLARD_HONOR_GPC", "2", "true or false"),
    ("MALLARD_LOG_FORMAT", "xml", "text or json"),
    ("MALLARD_LOG_LEVEL", "loud", "debug or info or warning or error"),
    ("MALLARD_AUTH", "none", "on or off"),
    *[
        ("MALLARD_SITES", text, "site ids separated by commas, such as example.com,*.example.org")
        for text in ("exa mple.com", "*", "*.", "https://example.com", "a.*.com", "mün chen.de", "a" * 201)
    ],
    *[
        ("MALLARD_TRUSTED_PROXIES", text, "networks separated by commas, such as 127.0.0.0/8,::1/128")
        for text in ("localhost", "10.0.0.0/33", "10.0.0.0/8;::1", "any")
    ],
    *[
        ("MALLARD_SECURITY_CONTACT", text, CONTACTS)
        for text in (
            "security@example.com",
            "http://example.com/",
            "mailto:a b@c",
            "https://a b",
            "javascript:alert(1)",
        )
    ],
    ("MALLARD_STORE", "gs://bucket", "a folder or s3://bucket/prefix"),
    ("MALLARD_STORE", "s3://", "a folder or s3://bucket/prefix"),
    ("MALLARD_S3_ENDPOINT", "localhost:9000", "an address that begins with http:// or https://"),
    ("MALLARD_QUEUE", "sqs", "local or the address of an SQS queue"),
]


@pytest.mark.parametrize(("label", "text", "allowed"), WRONG)
def test_invalid_variable_is_refused_with_name_value_and_allowed_values(label: str, text: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({label: text})
    assert sentence(refused) == f"{label} is {text!r}, but must be {allowed}."


@pytest.mark.parametrize(("label", "text", "allowed"), WRONG)
def test_invalid_file_key_is_refused_with_name_file_and_allowed_values(
    label: str, text: str, allowed: str, toml: Path
) -> None:
    key = TOML_KEYS[label.removeprefix("MALLARD_").lower()]
    with pytest.raises(ConfigError) as refused:
        from_toml(toml, f'{key} = "{text}"')
    assert sentence(refused) == f"{key} in {toml} is {text!r}, but must be {allowed}."


@pytest.mark.parametrize(
    "label", ["MALLARD_FLUSH_CUONT", "MALLARD_", "MALLARD_port", "MALLARD_FLUSH_EVENT_COUNT", "MALLARD_ON_LOOPBACK"]
)
def test_unknown_variable_is_refused_by_name(label: str) -> None:
    with pytest.raises(ConfigError, match=f"^{label} is not a setting") as refused:
        load_settings({label: SECRET, "MALLARD_PORT": "8000"})
    assert SECRET not in sentence(refused)


def test_variables_of_other_programs_are_ignored() -> None:
    environ = {
        "PORT": "x",
        "MALLARDS": "x",
        "mallard_port": "x",
        "RUST_LOG": "debug",
        "MALLARD_TEST_CHROMIUM": "x",
    }
    assert load_settings(environ) == Settings()


def test_secret_is_not_in_error_messages(toml: Path) -> None:
    for text, environ in [
        ("port = 1\n", {"MALLARD_SECRET": SECRET, "MALLARD_PORT": "x"}),
        (f'secret = "{SECRET}"\nport = "x"\n', {}),
        (f'secret = "{SECRET}\n', {}),
        (f"secret = {SECRET}\n", {}),
        (f'secret = "{SECRET}"\nsecret = "{SECRET}"\n', {}),
        (f'secret = "{SECRET}"\nsecrets = "{SECRET}"\n', {}),
    ]:
        with pytest.raises(ConfigError) as refused:
            from_toml(toml, text, **environ)
        assert SECRET not in sentence(refused)
        assert refused.value.__context__ is None or refused.value.__suppress_context__


# TOML


@pytest.mark.parametrize(
    ("key", "name", "value"),
    [
        ("flush_event_count", "flush_count", 7),
        ("flush_interval_secs", "flush_interval", 7),
        ("shutdown_timeout_secs", "shutdown_timeout", 7),
        ("rate_limit_per_site", "rate_limit", 7),
        ("flush_count", "flush_count", 7),
        ("flush_interval", "flush_interval", 7),
        ("port", "port", 7),
    ],
)
def test_file_key_may_be_spelled_like_the_original_or_the_variable(key: str, name: str, value: int, toml: Path) -> None:
    assert getattr(from_toml(toml, f"{key} = {value}"), name) == value


def test_a_file_sets_texts_numbers_switches_and_lists(toml: Path) -> None:
    settings = from_toml(
        toml,
        'host = "0.0.0.0"\nport = 9000\nfilter_bots = false\nhonor_gpc = true\nlog_format = "json"\n'
        'sites = ["Example.com", "*.example.org"]\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n',
    )
    assert (settings.host, settings.port, settings.log_format) == ("0.0.0.0", 9000, "json")
    assert (settings.filter_bots, settings.honor_gpc) == (False, True)
    assert settings.sites == ("example.com", "*.example.org")
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))


def test_list_setting_may_be_a_comma_separated_text_or_empty(toml: Path) -> None:
    assert from_toml(toml, 'sites = "a.com,b.com"').sites == ("a.com", "b.com")
    assert from_toml(toml, "sites = []").sites == ()


def test_environment_overrides_the_file_key_by_key(toml: Path) -> None:
    text = 'port = 9000\nflush_event_count = 5\nhost = "0.0.0.0"\n'
    settings = from_toml(toml, text, MALLARD_PORT="9001", MALLARD_FLUSH_COUNT="6")
    assert (settings.port, settings.flush_count, settings.host) == (9001, 6, "0.0.0.0")


def test_empty_list_in_the_environment_overrides_the_file(toml: Path) -> None:
    assert from_toml(toml, 'sites = ["a.com"]', MALLARD_SITES="").sites == ()


def test_an_empty_file_gives_the_defaults(toml: Path) -> None:
    assert from_toml(toml, "") == from_toml(toml, "# nothing\n") == Settings()


@pytest.mark.parametrize("text", ["ports = 1", "[server]\nport = 1", "Port = 1", "MALLARD_PORT = 1"])
def test_unknown_file_key_is_refused_by_name(text: str, toml: Path) -> None:
    name = tomllib.loads(text).popitem()[0]
    with pytest.raises(ConfigError) as refused:
        from_toml(toml, text)
    assert sentence(refused).startswith(f"{name} in {toml} is not a setting")


@pytest.mark.parametrize("text", ["port = 80.5", "port = true", "filter_bots = 2", "log_format = 1", "sites = [[1]]"])
def test_a_value_of_the_wrong_type_is_refused(text: str, toml: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        from_toml(toml, text)
    assert sentence(refused).startswith(text.split()[0])


@pytest.mark.parametrize("text", ['data_dir = ["a", "b"]', 'host = {a = "b"}', "port = [8000]", "[secret]\na = 1"])
def test_list_or_table_for_a_scalar_setting_is_refused(text: str, toml: Path) -> None:
    # Read as text they would be a folder named "a,b" and a secret that anyone can guess.
    with pytest.raises(ConfigError) as refused:
        from_toml(toml, text)
    assert text.split()[0].strip("[]") in sentence(refused)


@pytest.mark.parametrize("content", [b"port", b"port = ", b"= 1", b"port = 1\nport = 2", b"\xff\xfe", b"[a"])
def test_invalid_toml_file_is_refused_by_name(content: bytes, toml: Path) -> None:
    toml.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        load_settings({}, toml)
    assert sentence(refused).startswith(f"The configuration file {toml} is not TOML: ")


def test_unreadable_config_file_is_refused_by_name(tmp_path: Path) -> None:
    for path, why in [(tmp_path / "absent.toml", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(ConfigError) as refused:
            load_settings({}, path)
        assert sentence(refused) == f"The configuration file {path} cannot be read: {why}."


# What follows from settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_host_is_local_only(host: str) -> None:
    assert Settings(host=host).on_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com"])
def test_other_hosts_are_not_local_only(host: str) -> None:
    assert not Settings(host=host).on_loopback


def test_table_location_is_the_data_folder_or_the_store_setting() -> None:
    assert from_environment(MALLARD_DATA_DIR="d").store_location == "d"
    assert from_environment(MALLARD_DATA_DIR="d", MALLARD_STORE="s3://b/p").store_location == "s3://b/p"


# Documentation


def documented() -> dict[str, dict[str, str]]:
    """The rows of the table of settings, by variable; each by the heading of its column."""
    lines = [line.strip().strip("|") for line in DOCS.read_text("utf-8").splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows if row[0].startswith("`MALLARD_")}


def shown(default: Any) -> str:
    """A default as the documentation writes it."""
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{text}`" if text else "(none)"


def uncommented() -> str:
    return re.sub(r"^# *(?=[a-z0-9_]+ *= )", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_has_a_row_for_every_setting(name: str) -> None:
    row = documented()[f"`{variable(name)}`"]
    assert row["TOML key"] == f"`{TOML_KEYS[name]}`"
    assert row["Default"] == shown(getattr(Settings(), name))
    assert row["Meaning"].endswith(".")


def test_documentation_names_no_unknown_setting() -> None:
    assert set(documented()) == {f"`{variable(name)}`" for name in NAMES}
    mentioned = set(re.findall(r"MALLARD_[A-Z0-9_]+", DOCS.read_text("utf-8")))
    assert mentioned <= {variable(name) for name in NAMES}


def test_the_example_file_shows_every_key_with_its_default(toml: Path) -> None:
    assert set(tomllib.loads(uncommented())) == set(TOML_KEYS.values())
    assert from_toml(toml, uncommented()) == Settings()


def test_example_file_equals_the_defaults() -> None:
    assert load_settings({}, EXAMPLE) == Settings()


@pytest.mark.parametrize(
    "name", ["MALLARD_SECRET", "MALLARD_ADMIN_PASSWORD", "MALLARD_EDGE_SECRET", "MALLARD_METRICS_TOKEN"]
)
def test_secret_setting_may_name_a_parameter(name: str) -> None:
    told = load_settings({name: "ssm:/mallard/word"}, read_parameter={"/mallard/word": SECRET}.__getitem__)
    assert setting(name, told) == SECRET


def test_parameter_name_is_refused_without_a_parameter_reader() -> None:
    with pytest.raises(ConfigError, match=r"^MALLARD_SECRET names a parameter of AWS, which"):
        from_environment(MALLARD_SECRET="ssm:/mallard/secret")


def test_parameter_store_values_are_validated_like_other_settings() -> None:
    with pytest.raises(ConfigError, match=r"^MALLARD_ADMIN_PASSWORD must be of 8 to 1000 characters"):
        load_settings({"MALLARD_ADMIN_PASSWORD": "ssm:/mallard/short"}, read_parameter=lambda _: "short")


def test_parameter_store_is_used_for_secrets_only() -> None:
    with pytest.raises(ConfigError, match="MALLARD_PORT is 'ssm:/mallard/port'"):
        load_settings({"MALLARD_PORT": "ssm:/mallard/port"}, read_parameter=lambda _: "80")
