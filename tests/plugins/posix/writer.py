"""A process that begins a put and waits in the middle of it: ``writer.py PATH KEY SIZE``.

It says ``written`` when the first part is written, and goes on when it is told to.
"""

from __future__ import annotations

import sys

from ostler_posix.driver import PosixStorage
from ostler_posix.settings import PosixSettings


class Halting:
    def __init__(self) -> None:
        self.parts = iter((b"first ", b"second"))

    def read(self, size: int = -1, /) -> bytes:
        part = next(self.parts, b"")
        if part == b"second":
            print("written", flush=True)
            sys.stdin.readline()
        return part


path, key, size = sys.argv[1:]
driver = PosixStorage(PosixSettings(path=path))
driver.put(key, Halting(), size=int(size) or None, persist=False, if_absent=False)
driver.close()
