"""Who may set the first password."""

import pytest

from mallard.auth.setup import Setup, new_token

LOCAL = {"host": "localhost:8000"}


def visit(*, on_loopback: bool, token: str = "") -> Setup:
    return Setup(on_loopback, token)


def test_setup_needs_no_token_on_this_machine() -> None:
    assert visit(on_loopback=True).refusal(LOCAL, "") is None


@pytest.mark.parametrize(
    "headers",
    [
        # Another name that leads here: a page of another site made it do so.
        {"host": "evil.example:8000"},
        # A proxy on this machine: whoever asks it sits somewhere else.
        {**LOCAL, "x-forwarded-for": "192.0.2.7"},
        {**LOCAL, "forwarded": "for=192.0.2.7"},
        {},
    ],
)
def test_setup_needs_the_token_when_other_machines_reach_the_server(headers: dict[str, str]) -> None:
    place = visit(on_loopback=True, token="right")
    assert place.refusal(headers, "right") is None
    refused = place.refusal(headers, "")
    assert refused is not None
    assert refused.status == 403
    assert "token" in refused.sentence


def test_setup_needs_the_token_when_not_on_loopback() -> None:
    place = visit(on_loopback=False, token="right")
    assert place.refusal(LOCAL, " right\n") is None
    assert [bool(place.refusal(LOCAL, given)) for given in ("", "wrong", "righ", "\ud800")] == [True] * 4


def test_setup_accepts_no_token_when_none_was_printed() -> None:
    place = visit(on_loopback=False)
    for given in ("", " ", "None", "x"):
        refused = place.refusal(LOCAL, given)
        assert refused is not None
        assert refused.status == 403


def test_tokens_are_random() -> None:
    assert len({new_token() for _ in range(20)}) == 20
