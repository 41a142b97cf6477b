"""Which passwords are everybody's first guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.auth.common_passwords import WORDS, is_common


@pytest.mark.parametrize(
    "password",
    [
        *("password", "Password1", "P@ssw0rd", "passw0rd2024!", "  password  ", "12345678", "87654321", "0123456789"),
        *(
            "qwerty123",
            "qwertyuiop",
            "1qaz2wsx",
            "1q2w3e4r",
            "zxcvbnm1",
            "asdf1234",
            "abc12345",
            "aaaaaaaa",
            "abababab",
        ),
        *("letmein!", "iloveyou1", "welcome1", "admin123", "trustno1", "Summer2026!", "mallard-metrics", "changeme1"),
    ],
)
def test_common_password_is_recognised(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        *("kettle-moss-17", "correct horse battery", "Tr0ub4dor&3", "your-admin-password", "ünïcödé-länge"),
        *("passwords are hard", "12345678-and-more", "xK9#mP2$vL"),
    ],
)
def test_uncommon_password_is_accepted(password: str) -> None:
    assert not is_common(password)


@given(st.sampled_from(sorted(WORDS)), st.text("0123456789!?.-", max_size=6), st.booleans())
def test_common_word_with_digits_and_signs_is_recognised(word: str, edge: str, first: bool) -> None:
    assert is_common(edge + word.upper() if first else word + edge)


@given(st.text(max_size=200))
def test_common_password_check_accepts_any_text(text: str) -> None:
    assert is_common(text) in (True, False)
