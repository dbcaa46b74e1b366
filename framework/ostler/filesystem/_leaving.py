"""Whether a ``with`` block is being left because of an exception, for a `close` that is not told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType

__all__ = ["left_because_of"]


def left_because_of() -> BaseException | None:
    """Return the exception on whose account an ``__exit__`` further up the stack was called.

    Those who hold our files in context managers of their own (`fsspec.open`,
    pandas, pyarrow) call plain `close` when their block fails, and would have
    half of a file stored as if it were whole. A `close` that no ``__exit__``
    calls returns None here, also in an ``except`` or ``finally`` clause.
    """
    error = sys.exception()
    if error is None:
        return None
    return error if any(_was_told(frame, error) for frame in _callers()) else None


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "__exit__":
            yield frame
        frame = frame.f_back


def _was_told(frame: FrameType, error: BaseException) -> bool:
    for value in frame.f_locals.values():
        if value is error or (isinstance(value, tuple) and any(item is error for item in value)):
            return True
    return False
