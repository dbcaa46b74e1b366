"""Files over SSH: one connection per thread that works at the same time, up to a few."""

from __future__ import annotations

import socket
import stat
import time
from collections.abc import Sequence
from typing import Any

from ostler.spi.storage import Capabilities, ObjectInfo

from .clients import Client
from .directories import DirectoryBackend
from .infos import Info
from .places import drop

__all__ = ["SftpBackend"]

_HARDLINK = "hardlink@openssh.com"
_EXTENDED = 200  # SSH_FXP_EXTENDED


class SftpBackend(DirectoryBackend):
    """SFTP has no lock and no condition; what is exclusive is OpenSSH's hard link."""

    clients_most = 4
    name = "sftp"
    tick = 2.0  # times are whole seconds

    def prepared(self, fs: Any) -> Any:
        """Send at once: paramiko leaves it to the system, which waits up to 40 ms for more to send."""
        transport = fs.client.get_transport()
        if hasattr(transport.sock, "setsockopt"):  # a proxy command has no socket
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return fs

    def is_broken(self, fs: Any, error: Exception) -> bool:
        """By the error too: the connection is told to be there for a moment after it broke."""
        names = {base.__name__ for base in type(error).__mro__}
        if names & {"EOFError", "ConnectionError", "SSHException"}:  # paramiko may be absent
            return True
        transport = fs.client.get_transport()
        return transport is None or not transport.is_active() or fs.ftp.get_channel().closed

    def end(self, fs: Any) -> None:
        fs.client.close()

    def info(self, path: str) -> Info:
        """Without following a link, which a listing does not either."""
        with self.clients.use() as client, client.lock:
            found = client.fs.ftp.lstat(path)
            if not stat.S_ISREG(found.st_mode):
                raise FileNotFoundError(path)
            info: Info = client.fs._decode_stat(found)
        return info

    def listed(self, client: Client, directory: str) -> Sequence[Info]:
        """Without pipes, devices and sockets, which fsspec takes for files."""
        fs = client.fs
        with client.lock:
            return [
                fs._decode_stat(found, directory)
                for found in fs.ftp.listdir_iter(directory)
                if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
            ]

    def find_out(self) -> Capabilities:
        return Capabilities(exclusive_put=self._links(), durable_put=False, flat=False)

    def replace(self, fs: Any, old: str, new: str) -> None:
        fs.ftp.posix_rename(old, new)

    def link(self, fs: Any, old: str, new: str) -> None:
        # paramiko has no public method for OpenSSH's extension, which is link(2). SFTP's own
        # rename refuses what exists as well, but may look first and rename then.
        fs.ftp._request(_EXTENDED, _HARDLINK, old, new)

    def opened(self, handle: Any, key: str) -> ObjectInfo:
        found = handle.stat()
        return ObjectInfo(key, found.st_size, float(found.st_mtime), None)

    def written(self, fs: Any, path: str, key: str, size: int) -> ObjectInfo:
        """Without an etag: a time in whole seconds cannot tell versions apart."""
        return ObjectInfo(key, size, time.time(), None)

    def _links(self) -> bool:
        """Whether the server makes hard links there, and refuses one whose name is taken."""
        first, second = self.draft(), self.draft()
        with self.clients.use() as client:
            try:
                for path in (first, second):
                    self._open_draft(client, path).close()
                return self._refuses(client, first, second)
            except OSError as error:
                if self.is_broken(client.fs, error):
                    raise
                return False
            finally:
                for path in (first, second, f"{first}-link"):
                    drop(client, path)

    def _refuses(self, client: Client, first: str, second: str) -> bool:
        with client.lock:
            self.link(client.fs, first, f"{first}-link")
            try:
                self.link(client.fs, second, f"{first}-link")
            except OSError:
                return True
        return False
