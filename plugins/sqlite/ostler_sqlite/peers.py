"""Telling other processes that the store has changed: a datagram to each one that watches.

Everyone who watches has a socket in one directory beside the database. A
datagram says nothing but "look"; one that is lost costs the time until the next slow
poll, never an event.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import time

from ostler.errors import BadRequest

__all__ = ["Ear", "Voice"]

_LONGEST_ADDRESS = 103
"""Bytes of a socket's path, on every platform."""

_SETTLED = 0.1
"""Seconds after which a directory's modification time tells every later change apart."""

_GONE = (ConnectionRefusedError, FileNotFoundError)


class Ear:
    """A socket that others ring at. Made when the first watch is opened.

    :param directory: made when absent.
    """

    def __init__(self, directory: str) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._directory = directory
        self.name = f"{os.getpid()}.{secrets.token_hex(4)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _Folder(directory) as folder:
            self._socket.bind(folder.address(self.name))

    def wait(self, timeout: float) -> bool:
        """Wait for a ring, at most ``timeout`` seconds; rings that came together count once."""
        self._socket.settimeout(timeout)
        try:
            self._socket.recv(1)
        except TimeoutError:
            return False
        self._drain()
        return True

    def ring(self) -> None:
        """Ring at this ear itself, so that whoever waits comes back."""
        with (
            _Folder(self._directory) as folder,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
            contextlib.suppress(OSError),
        ):
            sender.sendto(b"!", folder.address(self.name))

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._directory, self.name))

    def _drain(self) -> None:
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)


class Voice:
    """Rings at every ear in the directory, but the own one.

    :ivar own: name of the ear that is not rung at; empty: none.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._names: tuple[str, ...] = ()
        self._listed = -1
        self.own = ""

    def ring(self) -> None:
        """Tell the others. Those that are gone are swept away; one that is busy knows already."""
        try:
            changed = os.stat(self._directory).st_mtime_ns
        except FileNotFoundError:
            return
        with self._lock:
            if changed != self._listed:
                self._list(changed)
            if self._names:
                self._send()

    def close(self) -> None:
        """Release the socket."""
        with self._lock:
            self._names, self._listed = (), -1
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _list(self, changed: int) -> None:
        names = os.listdir(self._directory)
        self._names = tuple(name for name in names if name != self.own)
        settled = time.time_ns() - changed > _SETTLED * 1e9
        self._listed = changed if settled else -1

    def _send(self) -> None:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        with _Folder(self._directory) as folder:
            for name in self._names:
                try:
                    self._socket.sendto(b"!", folder.address(name))
                except _GONE:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(self._directory, name))
                except OSError:
                    continue  # its queue is full: it has been told, and the slow poll stands behind


class _Folder:
    """The directory, held open so that addresses in it are short whatever its own path is."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> _Folder:
        if sys.platform == "linux":
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def address(self, name: str) -> str:
        if self._descriptor >= 0:
            return f"/proc/self/fd/{self._descriptor}/{name}"
        path = os.path.join(self._path, name)
        if len(os.fsencode(path)) > _LONGEST_ADDRESS:
            raise BadRequest(
                f"{path} is too long for a socket on this platform: choose a shorter path"
            )
        return path
