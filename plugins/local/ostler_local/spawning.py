"""Starting a process without forking the interpreter."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["Failure", "spawn"]

# What Python ignores, and what whoever started us ignored, is no business of the process.
_DEFAULTS = sorted(set(_signal.valid_signals()) - {_signal.SIGKILL, _signal.SIGSTOP})


class Failure(Exception):
    """The process was not started.

    :param what: ``"directory"`` or ``"command"``.
    :param number: of the error, as in `errno`.
    """

    def __init__(self, what: str, number: int) -> None:
        super().__init__(what, number)
        self.what = what
        self.number = number


def spawn(
    argv: list[str],
    environment: Mapping[str, str],
    directory: str,
    standard: Sequence[int],
    terminal: str,
) -> int:
    """Start a process in a session of its own and return its pid.

    The working directory of the calling process changes: only a process that
    does not care may call this.

    :param standard: descriptors of its input, output and error.
    :param terminal: path of the terminal to be all three and to control the
        session; empty: none, ``standard`` counts.
    :raises Failure: it could not be started.
    """
    try:
        os.chdir(directory)
    except OSError as error:
        raise Failure("directory", error.errno or 0) from error
    try:
        return os.posix_spawn(
            _program(argv[0], environment.get("PATH", os.defpath)),
            argv,
            environment,
            file_actions=_actions(standard, terminal),
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULTS,
        )
    except OSError as error:
        raise Failure("command", error.errno or 0) from error


def _actions(standard: Sequence[int], terminal: str) -> list[tuple[Any, ...]]:
    if not terminal:
        return [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate(standard)]
    # The first terminal that the leader of a session opens controls the session.
    return [
        (os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    ]


def _program(name: str, path: str) -> str:
    if "/" in name:
        return name
    found = [os.path.join(folder, name) for folder in path.split(":")]
    files = [candidate for candidate in found if os.path.isfile(candidate)]
    runnable = [candidate for candidate in files if os.access(candidate, os.X_OK)]
    if not files:
        raise FileNotFoundError(errno.ENOENT, "no such command", name)
    return (runnable or files)[0]
