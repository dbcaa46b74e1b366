"""Files of this machine as objects."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ostler.errors import BadRequest, Error
from ostler.ost import ObjectStorage
from ostler.spi.storage import ObjectInfo

from .places import Place
from .reports import Report, Task
from .sources import Metered, Rewindable
from .workers import in_parallel

__all__ = ["upload", "upload_tree"]


def upload(
    source: Rewindable,
    size: int | None,
    storage: ObjectStorage,
    key: str,
    task: Task,
    *,
    name: str = "",
    if_absent: bool = False,
) -> ObjectInfo:
    """Store what ``source`` yields; it streams.

    :param size: in bytes; None: unknown.
    :param name: what the observer is told.
    :raises Error: as `ObjectStorage.put`; ``task.stop`` was set (code ``"cancelled"``).
    :raises OSError: the source cannot be read.
    """
    name = name or key
    metered = Metered(source, lambda count: task.observer.moved(name, count), task.stop)
    task.observer.began(name, size)
    try:
        return storage.put(key, metered, size=size, persist=task.persist, if_absent=if_absent)
    finally:
        task.observer.ended(name)


def upload_tree(directory: str, target: Place, task: Task, *, if_absent: bool = False) -> Report:
    """Store every file below a directory under its path relative to it.

    Symbolic links to files are followed, those to directories are not. What
    fails, and what is no file, is in the report and stops nothing else.

    :param if_absent: leave alone what the target has; it counts as ``same``.
    :raises Conflict: ``task.stop`` was set (code ``"cancelled"``).
    """
    report = Report()
    unreadable: Callable[[OSError], None] = lambda error: report.add_failure(  # noqa: E731
        _shown(os.path.relpath(error.filename, directory)), _unreadable(error)
    )

    def work(name: str) -> None:
        try:
            stored = _upload_one(directory, name, target, task, if_absent=if_absent)
        except Error as error:
            if error.code == "cancelled" and task.stop.is_set():
                raise
            if if_absent and error.code == "exists":
                report.add_same()
            else:
                report.add_failure(_shown(name), error)
        except OSError as error:
            report.add_failure(_shown(name), _unreadable(error))
        else:
            report.add_copy(stored.size)

    in_parallel(_files(directory, unreadable), work, task)
    return report


def _upload_one(
    directory: str, name: str, target: Place, task: Task, *, if_absent: bool
) -> ObjectInfo:
    path = os.path.join(directory, name)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        return upload(
            file,
            size,
            target.storage,
            target.prefix + name.replace(os.sep, "/"),
            task,
            name=name,
            if_absent=if_absent,
        )


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


def _unreadable(error: OSError) -> BadRequest:
    return BadRequest(f"cannot read {_shown(str(error.filename))}: {error.strerror}")


def _shown(path: str) -> str:
    return path.encode(errors="replace").decode()
