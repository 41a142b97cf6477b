"""One real server for the tests of this folder."""

from support.shared_server import origin, server

__all__ = ["origin", "server"]
