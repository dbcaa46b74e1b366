"""Directories as they come and go with the objects in them, and when they are durable."""

from __future__ import annotations

import os
from collections.abc import Callable

from ostler.errors import Conflict, Unknown

from .failures import typed
from .pins import Pins

__all__ = ["Directories", "key_conflict"]

_REMEMBERED = 128
_PATIENCE = 1000


class Directories:
    """The directories below a root, made when a name needs them, removed with their last name.

    :param root: need not exist. The directories above it that exist when this is made
        count as durable; its own name does not: who made it may have died over it.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._anchor = _existing(os.path.dirname(root))
        self._durable = Pins(_REMEMBERED)

    def publish(self, step: Callable[[], None], directory: str) -> None:
        """Run ``step``, which makes a name in ``directory``, making the directory as often as it takes.

        :raises Conflict: a part of ``directory`` is an object.
        """
        for _attempt in range(_PATIENCE):
            try:
                step()
            except FileNotFoundError:
                self._make(directory)  # absent, or removed with its last object just now
            except NotADirectoryError as error:
                raise key_conflict(directory) from error
            else:
                return
        raise Unknown(f"the directory {directory!r} is removed again as often as it is made")

    def prune(self, directory: str) -> None:
        """Remove ``directory`` and those above it, up to the root, as far as they are empty."""
        while len(directory) > len(self._root):
            try:
                os.rmdir(directory)
            except OSError:
                return  # it is in use, or another one was quicker
            self._durable.forget(directory)
            directory = os.path.dirname(directory)

    def persist(self, directory: str) -> None:
        """Make the names in ``directory`` durable, and every directory that leads to it.

        :raises Unknown: the operating system could not say that they are.
        """
        try:
            self._persist(directory)
        except OSError as error:
            raise Unknown(
                f"cannot synchronise the directory {directory!r}: {error.strerror}; "
                "what was written there is in place, but may not survive a power loss"
            ) from error

    def close(self) -> None:
        """Let go of what is remembered."""
        self._durable.close()

    def _persist(self, directory: str) -> None:
        descriptor = _synchronised(directory)
        while descriptor is not None and not self._durable.holds(directory, descriptor):
            if len(directory) <= len(self._anchor):
                os.close(descriptor)
                return
            try:
                parent = _synchronised(os.path.dirname(directory))
            except PermissionError:
                if len(directory) > len(self._root):
                    os.close(descriptor)
                    raise
                parent = None  # somebody else made the root here, long ago
            except OSError:
                os.close(descriptor)
                raise
            self._durable.pin(directory, descriptor)
            directory, descriptor = os.path.dirname(directory), parent

    def _make(self, directory: str) -> None:
        missing = [directory]
        while not self._make_one(missing[-1]):
            missing.append(os.path.dirname(missing[-1]))
        while len(missing) > 1 and self._make_one(missing[-2]):
            missing.pop()

    def _make_one(self, directory: str) -> bool:
        """Make a directory unless it exists; False when the one above it is missing."""
        self._durable.forget(directory)
        try:
            os.mkdir(directory)
        except FileExistsError:
            return True
        except FileNotFoundError:
            return False
        except NotADirectoryError as error:
            raise key_conflict(directory) from error
        except OSError as error:
            raise typed(error, f"make the directory {directory!r}") from error
        return True


def key_conflict(path: str) -> Conflict:
    """Return the error for a key that cannot be beside another one."""
    return Conflict(
        f"{path!r} cannot be an object and a directory at once: in the storage type posix "
        "no key may begin with another one and a '/'",
        code="key_conflict",
    )


def _existing(path: str) -> str:
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def _synchronised(directory: str) -> int | None:
    """Return a descriptor of a directory that was just synchronised; None when it is gone, with all it had."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        os.fsync(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
