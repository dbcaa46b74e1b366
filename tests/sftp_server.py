"""A real SFTP server for tests: OpenSSH's, on a free port of the loopback, with keys of its own.

Imports nothing of ours.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from .etcd_server import free_port

__all__ = ["PATIENCE", "SftpServer"]

PATIENCE = 20.0
"""Seconds after which a server that should be there is held not to come."""

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 100
Subsystem sftp internal-sftp
"""


class SftpServer:
    """One process, to be used as a context manager.

    :param directory: for its keys, its configuration and its log; made when absent.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.log = directory, directory / "log"
        self.port, self.user = free_port(), getpass.getuser()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def missing(cls) -> str:
        """Return what is missing here to start one, empty when nothing is."""
        if cls.program() is None or shutil.which("ssh-keygen") is None:
            return "there is no program `sshd` (Debian's package openssh-server)"
        return ""

    @classmethod
    def program(cls) -> str | None:
        """Return the path of `sshd`, which insists on being called by it."""
        return shutil.which("sshd", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))

    @property
    def user_key(self) -> Path:
        """The file with the private key of the user."""
        return self.directory / "user_key"

    def start(self) -> Self:
        """Start it, and wait until it answers.

        :raises RuntimeError: it ended, or took too long; with the end of its log.
        """
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it gives up its rights
        for key in ("host_key", "user_key"):
            self._make_key(self.directory / key)
        config = self.directory / "config"
        config.write_text(_CONFIG.format(port=self.port, directory=self.directory))
        command = [str(self.program()), "-D", "-e", "-f", str(config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._await_banner(self._process)
        return self

    def kill(self) -> None:
        """End it, and every session that it serves. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        children = _children(process.pid)
        process.kill()
        process.wait(PATIENCE)
        for child in children:
            _kill(child)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *_: object) -> None:
        self.kill()

    def drop_connections(self) -> None:
        """End all sessions; the server goes on."""
        assert self._process is not None
        for child in _children(self._process.pid):
            _kill(child)

    def _make_key(self, path: Path) -> None:
        if not path.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
            subprocess.run(command, check=True, capture_output=True)

    def _await_banner(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._greets():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd does not serve:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                return connection.recv(4) == b"SSH-"
        except ConnectionError:
            return False


def _children(pid: int) -> list[int]:
    """Return the processes below ``pid``, the last ones first."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    found = []
    for child in map(int, text.split()):
        found += [*_children(child), child]
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return  # it has ended by itself
