"""Messages between a driver and its supervisor.

A message is a marshalled tuple with its length before it (4 bytes, big
endian); descriptors travel beside it. Both ends are the same interpreter.
Imports only what costs the supervisor nothing to start.
"""

from __future__ import annotations

import _socket
import marshal
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = tuple[Any, ...]

__all__ = ["Channel"]

_LENGTH = 4
_READ = 1 << 16
_INT = 4
_SPACE = _socket.CMSG_SPACE(8 * _INT)
_CLOEXEC: int = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)


class Channel:
    """One end of a stream socket that carries messages. Not for several threads at once."""

    def __init__(self, socket: _socket.socket) -> None:
        self._socket = socket
        self._buffer = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message whole.

        :raises OSError: the other end is gone.
        """
        body = marshal.dumps(message)
        data = len(body).to_bytes(_LENGTH, "big") + body
        rights = b"".join(number.to_bytes(_INT, sys.byteorder) for number in descriptors)
        beside = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if rights else []
        sent = self._socket.sendmsg([data], beside)
        if sent < len(data):
            self._socket.sendall(data[sent:])

    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until `receive` would not block; return whether it would not."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def receive(self) -> list[Message] | None:
        """Block until something comes; return the messages that are whole now, None at the end."""
        try:
            data, beside, _, _ = self._socket.recvmsg(_READ, _SPACE, _CLOEXEC)
        except ConnectionError:
            return None
        if not data:
            return None
        for _, _, rights in beside:
            self._descriptors += [
                int.from_bytes(rights[start : start + _INT], sys.byteorder)
                for start in range(0, len(rights), _INT)
            ]
        self._buffer += data
        return self._whole()

    def take_descriptors(self, count: int) -> list[int]:
        """Return the oldest ``count`` descriptors that came and were not taken; the caller closes them."""
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return taken

    def close(self) -> None:
        """Close it. Idempotent."""
        self._socket.close()

    def _whole(self) -> list[Message]:
        messages = []
        while len(self._buffer) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._buffer[:_LENGTH], "big")
            if len(self._buffer) < end:
                break
            messages.append(marshal.loads(self._buffer[_LENGTH:end]))  # noqa: S302  our own end
            self._buffer = self._buffer[end:]
        return messages
