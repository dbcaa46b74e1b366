"""Many keys that are needed later, without their memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from ostler.closing import Closing

__all__ = ["Spool"]

_IN_MEMORY = 1 << 22


class Spool(Closing):
    """Keys in the order in which they were added: in a temporary file once they are many.

    A key holds no control character, so each is a line.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by close

    def add(self, key: str) -> None:
        """Keep one more key."""
        self._file.write(key.encode() + b"\n")

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield line[:-1].decode()

    def close(self) -> None:
        self._file.close()
