"""What the puts of a transfer read from: counted, stopped, and read again where that is possible."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ostler.closing import Closing
from ostler.errors import Conflict, Error, NotFound
from ostler.ost import ObjectStorage
from ostler.spi.storage import ObjectInfo

from .reports import Task, check_running

__all__ = ["Metered", "ObjectSource", "Rewindable", "Vanished", "observed", "same_version"]


class Vanished(NotFound):
    """An object of the source is no more. A type of its own: a missing target is something else."""

    default_code = "vanished"


class Rewindable(Protocol):
    """What a put can read again after a failure, if ``seekable`` says so."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, ``b""`` at the end."""

    def seekable(self) -> bool:
        """Whether ``seek`` works."""

    def tell(self) -> int:
        """Return the position, in bytes."""

    def seek(self, offset: int, /) -> Any:
        """Go on reading at ``offset``."""


class Metered:
    """A source that tells of each piece that is read, and ends when the transfer is stopped.

    :param moved: told the bytes of each piece; what is read again is taken back first.
    """

    def __init__(
        self, source: Rewindable, moved: Callable[[int], None], stop: threading.Event
    ) -> None:
        self._source, self._moved, self._stop = source, moved, stop
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        check_running(self._stop)
        data = self._source.read(size)
        self._tell(len(data))
        return data

    def seekable(self) -> bool:
        return self._source.seekable()

    def tell(self) -> int:
        return self._source.tell()

    def seek(self, offset: int, /) -> None:
        check_running(self._stop)
        self._source.seek(offset)
        self.give_up()

    def give_up(self) -> None:
        """Take back what was told: it is to be read once more, or was in vain."""
        self._tell(-self.count)

    def _tell(self, count: int) -> None:
        self.count += count
        if count:
            self._moved(count)


@contextmanager
def observed(source: Rewindable, name: str, size: int | None, task: Task) -> Iterator[Metered]:
    """Tell the task's observer what is read within; what fails is given up."""
    metered = Metered(source, lambda count: task.observer.moved(name, count), task.stop)
    task.observer.began(name, size)
    try:
        yield metered
    except Error:
        metered.give_up()
        raise
    finally:
        task.observer.ended(name)


class ObjectSource(Closing):
    """One version of an object, which a put can read again.

    :raises Vanished: there is no such object.
    """

    def __init__(self, storage: ObjectStorage, key: str) -> None:
        self._storage, self._key = storage, key
        self._at = 0
        try:
            self._body = storage.get(key)
        except NotFound as error:
            raise _vanished(key) from error
        self.info = self._body.info

    def read(self, size: int = -1, /) -> bytes:
        data = self._body.read(size)
        self._at += len(data)
        return data

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, /) -> None:
        """Read on at ``offset``, the same version.

        :raises Conflict: the object was replaced (code ``"changed"``).
        :raises Vanished: it was removed.
        """
        self._body.close()
        try:
            self._body = self._storage.get(self._key, offset)
        except NotFound as error:
            raise _vanished(self._key) from error
        if not same_version(self._body.info, self.info):
            raise Conflict(f"{self._key!r} was replaced while it was copied", code="changed")
        self._at = offset

    def close(self) -> None:
        self._body.close()


def same_version(one: ObjectInfo, other: ObjectInfo) -> bool:
    """Tell whether two descriptions of one key are of the same bytes, as far as they say."""
    return (one.etag, one.size, one.modified) == (other.etag, other.size, other.modified)


def _vanished(key: str) -> Vanished:
    return Vanished(f"there is no object {key!r}")
