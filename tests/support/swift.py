"""Swift with its s3api and one replica in a folder: a server that says honestly that it does not know conditions."""

import getpass
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.moto import REGION
from support.peers import apt_program
from support.processes import Processes, free_port, listens
from support.s3 import Server

KINDS = ("account", "container", "object")

CLUSTER = """\
[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests
[storage-policy:0]
name = all
default = yes
"""

RINGS = """
import sys
from swift.common.ring import RingBuilder
for each in sys.argv[1:]:
    kind, port = each.split("=")
    builder = RingBuilder(4, 1, 0)
    place = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk", "weight": 1.0}
    builder.add_dev({**place, "replication_ip": "127.0.0.1", "replication_port": int(port), "meta": ""})
    builder.rebalance()
    builder.get_ring().save(kind + ".ring.gz")
"""

STORAGE = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
log_address = {folder}/no-syslog
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
log_address = {folder}/no-syslog
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth copy
    slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tests = {secret} .admin
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache_port}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
"""


@contextmanager
def swift() -> Iterator[Server]:
    """A running proxy and a client with the keys of its one user."""
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
        folder, environment = Path(name), {"SWIFT_CONF_FILE": str(Path(name, "swift.conf"))}
        user, secret, ports = getpass.getuser(), secrets.token_hex(16), {kind: free_port() for kind in KINDS}
        cache_port, port = free_port(), free_port()
        (folder / "swift.conf").write_text(CLUSTER)
        _make_rings(processes, ports)
        for kind in KINDS:
            settings = STORAGE.format(kind=kind, folder=folder, port=ports[kind], user=user)
            _serve(processes, kind, settings, environment)
        processes.start("memcached", [_program("memcached"), "-l", "127.0.0.1", "-p", str(cache_port), "-u", "nobody"])
        settings = PROXY.format(
            port=port, folder=folder, user=user, region=REGION, secret=secret, cache_port=cache_port
        )
        _serve(processes, "proxy", settings, environment)
        processes.wait_until(lambda: all(listens(each) for each in [*ports.values(), port]), "Swift")
        keys = {"AWS_ACCESS_KEY_ID": "test:tests", "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": REGION}
        yield Server(f"http://127.0.0.1:{port}", keys)


def _make_rings(processes: Processes, ports: dict[str, int]) -> None:
    """By Swift's own code in the system's Python: its command would take a second for each of nine steps."""
    (processes.folder / "devices" / "disk").mkdir(parents=True)
    processes.run(["/usr/bin/python3", "-c", RINGS, *(f"{kind}={port}" for kind, port in ports.items())])


def _serve(processes: Processes, kind: str, settings: str, environment: dict[str, str]) -> None:
    file = processes.folder / f"{kind}-server.conf"
    file.write_text(settings)
    processes.start(kind, [_program(f"swift-{kind}-server"), file, "-v"], environment)


def _program(name: str) -> str:
    found = apt_program(name)
    assert found is not None, f"{name} is not installed: run `make setup-check`"
    return found
