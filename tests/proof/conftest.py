"""What the proofs share."""

from importlib.util import find_spec

# It is heavy, and its library comes with what `make check` sets up: tests/proof/test_pins.py holds that it is there.
collect_ignore = [] if find_spec("schemathesis") else ["test_openapi.py"]
