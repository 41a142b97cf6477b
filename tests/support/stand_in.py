"""A proxy through which a program reaches a loopback server under the name of another host."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit


class StandIn(ThreadingTCPServer):
    """Ends TLS of each tunnel with ``context`` and hands its bytes to ``upstream``; ``hosts`` are those asked for."""

    daemon_threads = True

    def __init__(self, upstream: str, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        parts = urlsplit(upstream)
        self.upstream = str(parts.hostname), int(parts.port or 80)
        self.context = context
        self.hosts: set[str] = set()

    @property
    def address(self) -> str:
        """The value of HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Tunnel(StreamRequestHandler):
    server: StandIn

    def handle(self) -> None:
        method, host, _ = self.rfile.readline().decode().split(" ", 2)
        assert method == "CONNECT"
        self.server.hosts.add(host)
        while self.rfile.readline().strip():
            pass
        self.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.connection, server_side=True) as client,
            socket.create_connection(self.server.upstream) as upstream,
        ):
            back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
            back.start()
            _copy(client, upstream)
            upstream.shutdown(socket.SHUT_RDWR)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)


@contextmanager
def standing_in(upstream: str, context: ssl.SSLContext) -> Iterator[StandIn]:
    """The proxy, running."""
    with StandIn(upstream, context) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()
