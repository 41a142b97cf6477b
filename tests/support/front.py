"""Proxies that stand in front of a server, run with the very lines that docs/self-hosting.md shows."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.peers import apt_program
from support.processes import free_port
from support.tls import private_authority

GUIDE = Path(__file__).parents[2] / "docs" / "self-hosting.md"
START_SECONDS = 15

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""

CADDY = """
{{
	admin off
	auto_https disable_redirects
}}
{site}
"""


@dataclass(frozen=True)
class Front:
    """A proxy that runs: its port on 127.0.0.1, whom its clients trust, and where it may have written something."""

    port: int
    bundle: Path
    folder: Path


def snippet(language: str) -> str:
    """The first lines of a language in the guide."""
    found = re.search(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, language
    return found[1]


def nginx(upstream: str, port: int, folder: Path) -> list[str]:
    """The command, with the guide's server at another port, certificate and upstream, and nothing else changed."""
    server = (
        _put(snippet("nginx"), "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
        .replace("/etc/ssl/stats.example.com.pem", f"{folder}/server.pem")
        .replace("/etc/ssl/stats.example.com.key", f"{folder}/server.pem")
    )
    (folder / "nginx.conf").write_text(
        NGINX.format(folder=folder, server=_put(server, "http://127.0.0.1:8000", upstream))
    )
    return [_program("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def caddy(upstream: str, port: int, folder: Path) -> list[str]:
    """The same for Caddy, which takes the certificate that a site names instead of one of its own."""
    site = _put(
        snippet("caddy"),
        "stats.example.com {",
        f"https://127.0.0.1:{port} {{\n\ttls {folder}/server.pem {folder}/server.pem",
    )
    (folder / "Caddyfile").write_text(CADDY.format(site=_put(site, "127.0.0.1:8000", upstream.removeprefix("http://"))))
    return [_program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


FRONTS = {"nginx": nginx, "caddy": caddy}


@contextmanager
def front(name: str, upstream: str, folder: Path) -> Iterator[Front]:
    """The proxy before ``upstream``, an address; it ends with the context."""
    bundle = private_authority(folder).bundle
    port = free_port()
    environment = {"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XDG_DATA_HOME": str(folder)}
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(FRONTS[name](upstream, port, folder), env=environment, stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder)
        yield Front(port, bundle, folder)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((folder / "output.log").read_text())


def _put(text: str, old: str, new: str) -> str:
    """``new`` where ``old`` stood: the guide must still say it."""
    assert old in text, old
    return text.replace(old, new)


def _program(name: str) -> str:
    found = apt_program(name)
    assert found is not None, name
    return found
