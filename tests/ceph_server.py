"""Ceph's object gateway on a cluster of one monitor and one OSD, all in memory."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from .etcd_server import free_port
from .s3_servers import PATIENCE, S3Server

__all__ = ["CephServer"]

_PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")

_CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor_port}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
keyring = /dev/null
ms mon client mode = crc
ms bind ipv6 = false
ms tcp nodelay = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = {directory}
admin socket =
pid file =
log file =
log to stderr = true
err to stderr = true
mon data = {directory}/mon
mon data avail crit = 1
mon allow pool size one = true
mon max pg per osd = 1000
paxos propose interval = 0.05
paxos min wait = 0.02
osd data = {directory}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd memory target = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {directory}
rgw thread pool size = 64
rgw enable gc threads = false
rgw enable lc threads = false
rgw run sync thread = false
"""
# Without the mode `crc` the gateway wants a key; without the intervals of Paxos each
# of the pools that it makes takes two seconds; without `tcp_nodelay` each answer 40 ms.


class CephServer(S3Server):
    """radosgw, with a monitor and an OSD that keeps everything in memory; about two seconds to start."""

    name = "ceph"

    @classmethod
    def missing(cls) -> str:
        if importlib.util.find_spec("boto3") is None:
            return "there is no package `boto3`"
        lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
        packages = "Debian's packages ceph-mon, ceph-osd, ceph-common and radosgw"
        return f"there is no program `{lacking[0]}` ({packages})" if lacking else ""

    def _start(self) -> None:
        self._configure()
        self._start_monitor()
        self._start_osd()
        user = f"--uid=tests --display-name=tests --access-key={self.access_key} --secret={self.secret_key}"
        self._do("radosgw-admin", "--name=client.rgw", "user", "create", *user.split())
        self._run(self._with_configuration("radosgw", "--name=client.rgw", "--foreground"))

    @property
    def _configuration(self) -> Path:
        return self.directory / "ceph.conf"

    def _configure(self) -> None:
        self._fsid, self._monitor_port = str(uuid.uuid4()), free_port()
        text = _CONFIGURATION.format(
            fsid=self._fsid,
            monitor_port=self._monitor_port,
            directory=self.directory,
            port=self.port,
        )
        self._configuration.write_text(text)
        for name in ("mon", "osd"):
            (self.directory / name).mkdir()

    def _start_monitor(self) -> None:
        map_file = str(self.directory / "monmap")
        address = f"[v2:127.0.0.1:{self._monitor_port}]"
        self._do("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", address, map_file)
        self._do("ceph-mon", "--id=a", "--mkfs", "--monmap", map_file)
        self._run(self._with_configuration("ceph-mon", "--id=a", "--foreground"))

    def _start_osd(self) -> None:
        osd = str(uuid.uuid4())
        self._do("ceph", "osd", "new", osd, "0")
        self._do("ceph-osd", "--id=0", "--mkfs", "--osd-uuid", osd)
        self._run(self._with_configuration("ceph-osd", "--id=0", "--foreground"))

    def _with_configuration(self, program: str, *arguments: str) -> Sequence[str]:
        return [program, "--conf", str(self._configuration), *arguments]

    def _do(self, program: str, *arguments: str) -> None:
        with self.log.open("ab") as log:
            command = self._with_configuration(program, *arguments)
            ended = subprocess.run(command, stdout=log, stderr=log, timeout=PATIENCE, check=False)
        if ended.returncode:
            raise self._failure(f"cannot be set up, {program} ended with {ended.returncode}")
