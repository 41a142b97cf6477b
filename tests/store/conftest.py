"""Asserts of the shared suite say what they saw."""

import pytest

pytest.register_assert_rewrite("support.store_contract")
