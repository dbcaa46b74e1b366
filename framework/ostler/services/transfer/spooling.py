"""Many keys that are needed later, without their memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

__all__ = ["Spool"]

_IN_MEMORY = 1 << 22


class Spool:
    """Keys in the order in which they were added: in a temporary file once they are many.

    A key holds no control character, so each is a line. A context manager.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def add(self, key: str) -> None:
        """Keep one more key."""
        self._file.write(key.encode() + b"\n")

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield line[:-1].decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
