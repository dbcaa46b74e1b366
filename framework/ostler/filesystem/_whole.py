"""What every file to write has in common: it is stored whole or not at all."""

from __future__ import annotations

import io
from abc import abstractmethod
from types import TracebackType

__all__ = ["WholeOrNothing"]


class WholeOrNothing(io.IOBase):
    """A file that a ``with`` block closes when it ends well, and discards when it does not."""

    @abstractmethod
    def discard(self) -> None:
        """Store nothing. Nothing when the object is stored already. Idempotent."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
