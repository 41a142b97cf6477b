"""Assertions of the suite over every engine tell what differs."""

import pytest

pytest.register_assert_rewrite("support.engine_contract")
