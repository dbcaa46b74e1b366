"""Calls into a driver: whatever it raises comes out as an error of the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ostler.errors import Error, Internal

__all__ = ["call"]

P = ParamSpec("P")
T = TypeVar("T")


def call(driver: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``function`` of the driver named ``driver``.

    :raises Internal: it raised something that is not an `ostler.errors.Error`.
    """
    try:
        return function(*args, **kwargs)
    except Error:
        raise
    except Exception as error:
        raise Internal(
            f"executor driver {driver!r} failed in {function.__name__}(): "
            f"{type(error).__name__}: {error}; this is a defect of the driver"
        ) from error
