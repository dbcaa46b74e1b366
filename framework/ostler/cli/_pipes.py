"""Standard input, and other pipes, as what is stored."""

from __future__ import annotations

import os
import select

from ostler.services.transfer import stopped

__all__ = ["PipeSource"]


class PipeSource:
    """Reads a descriptor that cannot be rewound; a signal ends the waiting for it.

    :param woken: readable when the transfer is to stop.
    """

    def __init__(self, descriptor: int, woken: int) -> None:
        self._descriptor, self._woken = descriptor, woken

    def read(self, size: int = -1, /) -> bytes:
        """Return what is there, up to ``size`` bytes; all of it when negative, ``b""`` at the end."""
        if size < 0:
            return b"".join(iter(lambda: self._read(1 << 20), b""))
        return self._read(size)

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError("a pipe has no position")

    def seek(self, offset: int, /) -> None:
        raise OSError("a pipe cannot be rewound")

    def _read(self, size: int) -> bytes:
        ready, _, _ = select.select([self._descriptor, self._woken], [], [])
        if self._woken in ready:
            raise stopped()
        return os.read(self._descriptor, size)
