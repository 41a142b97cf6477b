"""The settings of who gets in."""

from pathlib import Path

import pytest

from mallard.config import Settings, load_settings
from mallard.errors import ConfigError


def test_defaults_are_one_day_sessions_and_five_attempts_per_five_minutes() -> None:
    settings = load_settings({})
    assert (settings.admin_password, settings.session_ttl) == ("", 86_400)
    assert (settings.max_login_attempts, settings.login_lockout) == (5, 300)
    assert (settings.secure_cookies, settings.dashboard_origin) == ("auto", "")


@pytest.mark.parametrize("password", ["short-1", "x" * 1001])
def test_a_password_of_the_wrong_length_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({"MALLARD_ADMIN_PASSWORD": password})
    assert str(refused.value) == "MALLARD_ADMIN_PASSWORD must be of 8 to 1000 characters."


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://stats.example.com", "https://stats.example.com"),
        ("https://Stats.Example.com/", "https://stats.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_an_origin_is_scheme_and_host(given: str, origin: str) -> None:
    assert load_settings({"MALLARD_DASHBOARD_ORIGIN": given}).dashboard_origin == origin


@pytest.mark.parametrize(
    "given",
    ["*", "https://*.example.com", "stats.example.com", "https://a.example/x", "https://a.example,https://b.example"],
)
def test_dashboard_origin_must_be_a_single_origin(given: str) -> None:
    with pytest.raises(ConfigError, match="an origin such as"):
        load_settings({"MALLARD_DASHBOARD_ORIGIN": given})


@pytest.mark.parametrize(("text", "word"), [("true", "true"), ("false", "false"), ('"auto"', "auto")])
def test_secure_cookies_setting_accepts_a_switch_or_a_word(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "mallard-metrics.toml"
    file.write_text(f"secure_cookies = {text}\n", "utf-8")
    assert load_settings({}, file).secure_cookies == word


def test_setting_names_of_the_original_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mallard-metrics.toml"
    file.write_text('session_ttl_secs = 60\nlogin_lockout_secs = 9\nadmin_password = "kettle-moss-17"\n', "utf-8")
    expected = Settings(session_ttl=60, login_lockout=9, admin_password="kettle-moss-17")
    assert load_settings({}, file) == expected
