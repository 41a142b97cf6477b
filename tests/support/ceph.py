"""Ceph's object gateway with one monitor and one store in memory: a real S3 server that checks signatures."""

import json
import secrets
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.moto import REGION
from support.processes import Processes, free_port, listens
from support.s3 import Server

STORE_BYTES = 2 * 1024**3

SETTINGS = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{monitor_port},v1:127.0.0.1:{old_monitor_port}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = {store_bytes}
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
run_dir = {folder}/run
admin_socket = {folder}/run/$name.$pid.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/log/$name.log
keyring = {folder}/$name.keyring
"""


@contextmanager
def ceph() -> Iterator[Server]:
    """A running gateway and a client with the keys of its one user; takes about 15 s to start."""
    # Short, because the path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="ceph") as name, Processes(Path(name)) as processes:
        port, folder = free_port(), Path(name)
        environment = {"CEPH_CONF": str(folder / "ceph.conf")}
        _start_monitor(processes, environment)
        _start_store(processes, environment)
        _start_gateway(processes, environment, port)
        keys = _make_user(processes, environment)
        yield Server(f"http://127.0.0.1:{port}", keys)


def _start_monitor(processes: Processes, environment: dict[str, str]) -> None:
    folder, fsid = processes.folder, str(uuid.uuid4())
    for each in ("mon", "osd", "rgw", "run", "log"):
        (folder / each).mkdir()
    ports = free_port(), free_port()
    (folder / "ceph.conf").write_text(
        SETTINGS.format(
            fsid=fsid, monitor_port=ports[0], old_monitor_port=ports[1], folder=folder, store_bytes=STORE_BYTES
        )
    )
    keyrings = folder / "mon.keyring"
    processes.run(["ceph-authtool", "--create-keyring", keyrings, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"])
    for who in ("client.admin", "client.rgw.a"):
        capabilities = [part for each in ("mon", "osd", "mgr") for part in ("--cap", each, "allow *")]
        own = folder / f"{who}.keyring"
        processes.run(["ceph-authtool", "--create-keyring", own, "--gen-key", "-n", who, *capabilities])
        processes.run(["ceph-authtool", keyrings, "--import-keyring", own])
    address = f"[v2:127.0.0.1:{ports[0]},v1:127.0.0.1:{ports[1]}]"
    processes.run(["monmaptool", "--create", "--clobber", "--addv", "a", address, "--fsid", fsid, "monmap"])
    processes.run(["ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", keyrings], environment)
    processes.start("mon", ["ceph-mon", "-i", "a", "-f"], environment)
    processes.wait_until(lambda: listens(ports[0]), "Ceph's monitor")


def _start_store(processes: Processes, environment: dict[str, str]) -> None:
    number, keyring = str(uuid.uuid4()), processes.folder / "osd" / "keyring"
    secret = processes.run(["ceph-authtool", "--gen-print-key"]).strip()
    processes.run(["ceph", "osd", "new", number, "-i", "-"], environment, json.dumps({"cephx_secret": secret}))
    processes.run(["ceph-authtool", "--create-keyring", keyring, "-n", "osd.0", "--add-key", secret])
    processes.run(["ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", number, "--keyring", keyring], environment)
    processes.start("osd", ["ceph-osd", "-i", "0", "-f", "--keyring", keyring], environment)


def _start_gateway(processes: Processes, environment: dict[str, str], port: int) -> None:
    frontend = f"--rgw_frontends=beast endpoint=127.0.0.1:{port} tcp_nodelay=1"
    processes.start("gateway", ["radosgw", "-f", "-n", "client.rgw.a", frontend], environment)
    processes.wait_until(lambda: listens(port), "Ceph's gateway")


def _make_user(processes: Processes, environment: dict[str, str]) -> dict[str, str]:
    key, secret = secrets.token_hex(8), secrets.token_hex(16)
    who = ["--uid=tests", "--display-name=tests", f"--access-key={key}", f"--secret-key={secret}"]
    processes.run(["radosgw-admin", "user", "create", *who], environment)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": REGION}
