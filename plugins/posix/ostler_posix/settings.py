"""The settings of both storage types."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, Field

from ostler.spi.settings import Settings

__all__ = ["PosixSettings"]


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


class PosixSettings(Settings):
    """Where objects are kept, and how safely.

    :param path: the directory; made by the first `put` when it is absent.
        ``~`` is the home directory.
    :param persist: False: never synchronise anything, whatever a `put` asks
        for: quick, and a power loss may take what was written.
    """

    path: Annotated[str, Field(min_length=1), AfterValidator(_absolute)]
    persist: bool = True
