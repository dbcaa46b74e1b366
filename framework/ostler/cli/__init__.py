"""The command line. This module and `_group` import nothing but click: ``--help`` must be quick."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``ostler`` and return its exit code.

    0 success, 1 a run failed, 2 usage or configuration, 3 stopped, 4
    infrastructure; 141 when the reader of the output went away.

    :param arguments: without the program's name; None: those of this process.
    """
    from ._group import group
    from ._main import run

    return run(group, arguments)
