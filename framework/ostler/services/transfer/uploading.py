"""Files of this machine as objects."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ostler.errors import BadRequest
from ostler.spi.storage import ObjectInfo

from .outcomes import attempt
from .places import Place
from .reports import Report, Task
from .storing import store
from .workers import in_parallel

__all__ = ["upload_tree"]


def upload_tree(directory: str, target: Place, task: Task, *, if_absent: bool = False) -> Report:
    """Store every file below a directory under its path relative to it.

    Symbolic links to files are followed, those to directories are not. What
    fails, and what is no file, is in the report and stops nothing else.

    :param if_absent: leave alone what the target has; it counts as ``same``.
    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    """
    report = Report()

    def unreadable(error: OSError) -> None:
        name = os.path.relpath(error.filename, directory)
        report.add_failure(_shown(name), _unreadable(error.filename, error))

    def work(name: str) -> None:
        attempt(
            _shown(name),
            lambda: _upload_one(directory, name, target, task, if_absent=if_absent),
            task,
            report,
            if_absent=if_absent,
        )

    in_parallel(_files(directory, unreadable), work, task)
    return report


def _upload_one(
    directory: str, name: str, target: Place, task: Task, *, if_absent: bool
) -> ObjectInfo:
    path, key = os.path.join(directory, name), target.prefix + name.replace(os.sep, "/")
    try:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            return store(file, size, (target.storage, key), task, name=name, if_absent=if_absent)
    except OSError as error:
        raise _unreadable(path, error) from error


def _opened(path: str) -> BinaryIO:
    """Open a file; anything else, such as a pipe, would have us wait for its other end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise BadRequest(f"{_shown(path)} is no file: it was left out")
    return open(path, "rb")


def _files(directory: str, unreadable: Callable[[OSError], None]) -> Iterator[str]:
    for folder, folders, files in os.walk(directory, onerror=unreadable):
        folders.sort()
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), directory)


def _unreadable(path: str, error: OSError) -> BadRequest:
    return BadRequest(f"cannot read {_shown(path)}: {error.strerror}")


def _shown(path: str) -> str:
    return path.encode(errors="replace").decode()
