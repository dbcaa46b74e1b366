"""Many requests at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["raise_first", "spread", "tried"]

T = TypeVar("T")
U = TypeVar("U")

_AT_ONCE = 16


def spread(call: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """Return what ``call`` makes of each, in order; several calls at once, in threads."""
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items)), thread_name_prefix="ost") as pool:
        return list(pool.map(call, items))


def tried(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a call returns, or the exception that it raises."""
    try:
        return call(*arguments)
    except Exception as error:
        return error


def raise_first(found: Iterable[object]) -> None:
    """Raise the first exception among ``found``, if there is one."""
    for each in found:
        if isinstance(each, Exception):
            raise each
