"""Files that are being written and have no key yet: nothing is left of them, whatever happens.

A draft without a name (``O_TMPFILE``) vanishes with the process. A named one
lies below a reserved directory of the storage, in a directory that its process
holds a lock on; whoever opens the storage removes those that nobody holds.
Within a process the threads spread over some directories, because creating and
renaming in one directory is done by one thread at a time.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from ostler.errors import Unavailable

from .failures import typed

__all__ = ["RESERVED", "Draft", "Drafts"]

RESERVED = ".ostler\x7f"
"""Name of the reserved directory. No key has a part like it: it holds a control character."""

_SPREAD = 16
_NAMELESS = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0
_REFUSED = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}
_FLAGS = os.O_WRONLY | os.O_CLOEXEC
_NEW = _FLAGS | os.O_CREAT | os.O_EXCL
_PATIENCE = 1000
_MODE = 0o666


class Draft(Protocol):
    """An open file on its way to its key.

    :param descriptor: to be written to; `close` closes it.
    """

    descriptor: int

    def link(self, path: str) -> None:
        """Make ``path`` this file.

        :raises FileExistsError: there is one already.
        """

    def replace(self, path: str) -> None:
        """Make ``path`` this file, whether or not there is one."""

    def close(self) -> None:
        """Close it; what was not linked is gone."""


class Drafts:
    """The drafts of one opened storage.

    :param root: the storage's directory.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._reserved = f"{root}/{RESERVED}"
        self._counter = itertools.count()
        self._turns = itertools.count()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._place: _Place | None = None
        self._nameless = _NAMELESS

    def named(self) -> Draft:
        """Open a draft that costs the least: for what is small and replaces."""
        for _attempt in range(_PATIENCE):
            directory, name = self.new_name()
            try:
                descriptor = os.open(name, _NEW, _MODE, dir_fd=directory)
            except FileExistsError:
                continue  # a forked process counts from where its parent was
            except FileNotFoundError:
                self.lost()
            except OSError as error:
                raise typed(error, f"create a file in {self._reserved!r}") from error
            else:
                return _NamedDraft(descriptor, directory, name)
        raise Unavailable(f"what is made in {self._reserved!r} is removed again and again")

    def nameless(self) -> Draft:
        """Open a draft that vanishes with the process, where the file system can."""
        if self._nameless:
            try:
                return _NamelessDraft(self._open_nameless(), self)
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise typed(error, f"create a file in {self._root!r}") from error
                self._nameless = 0
        return self.named()

    def new_name(self) -> tuple[int, str]:
        """Return a directory's descriptor and a name in it, where nothing outlives the process."""
        place = self._place or self._make_place()
        try:
            slot = self._local.slot
        except AttributeError:
            slot = self._local.slot = next(self._turns) % _SPREAD
        return place.slots[slot], str(next(self._counter))

    def lost(self) -> None:
        """Say that somebody removed the directories of this process by hand.

        Their descriptors stay open: other threads may be about to use them.
        """
        self._place = None

    def sweep(self) -> None:
        """Remove what processes left that are no more."""
        if not os.access(self._reserved, os.W_OK):
            return  # nothing is there, or this storage is only read
        try:
            # Another process that is just beginning may be stopped: whoever comes next sweeps.
            with _locked(self._reserved, fcntl.LOCK_EX | fcntl.LOCK_NB):
                for name in os.listdir(self._reserved):
                    _remove_abandoned(f"{self._reserved}/{name}")
            self._remove_reserved()
        except (FileNotFoundError, BlockingIOError):
            return  # the last one who used it has just removed it, or somebody begins to use it
        except OSError as error:
            raise typed(error, f"clean up {self._reserved!r}") from error

    def close(self) -> None:
        """Remove the directories of this process. Idempotent."""
        place, self._place = self._place, None
        if place is not None:
            place.remove()
            self._remove_reserved()

    def _open_nameless(self) -> int:
        try:
            return os.open(self._root, _FLAGS | self._nameless, _MODE)
        except FileNotFoundError:
            os.makedirs(self._root, exist_ok=True)
            return os.open(self._root, _FLAGS | self._nameless, _MODE)

    def _remove_reserved(self) -> None:
        with suppress(OSError):
            os.rmdir(self._reserved)  # unless another process has a directory in it

    def _make_place(self) -> _Place:
        with self._lock:
            for _attempt in range(_PATIENCE):
                if self._place is not None:
                    return self._place
                try:
                    self._place = _Place(self._reserved)
                except (FileNotFoundError, FileExistsError):
                    # Somebody removed the reserved directory, empty still: perhaps just after
                    # it was found to exist, of which `makedirs` says that it exists and is none.
                    continue
                except OSError as error:
                    raise typed(error, f"make a directory in {self._reserved!r}") from error
        raise Unavailable(f"{self._reserved!r} cannot be made, or is removed again and again")


class _Place:
    """The directories of a process, locked against every sweep as long as it lives."""

    def __init__(self, reserved: str) -> None:
        os.makedirs(reserved, exist_ok=True)
        # Shared among those who begin; a sweep waits until the new directory is locked.
        with _locked(reserved, fcntl.LOCK_SH):
            self._path = tempfile.mkdtemp(dir=reserved, prefix="")
            self._lock = _open_directory(self._path)
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        self.slots = tuple(self._make_slot(str(number)) for number in range(_SPREAD))

    def remove(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)  # what stays is swept by the next one
        for descriptor in (*self.slots, self._lock):
            os.close(descriptor)

    def _make_slot(self, name: str) -> int:
        path = f"{self._path}/{name}"
        os.mkdir(path)
        return _open_directory(path)


class _NamedDraft:
    __slots__ = ("_directory", "_name", "descriptor")

    def __init__(self, descriptor: int, directory: int, name: str) -> None:
        self.descriptor, self._directory, self._name = descriptor, directory, name

    def link(self, path: str) -> None:
        os.link(self._name, path, src_dir_fd=self._directory)

    def replace(self, path: str) -> None:
        os.rename(self._name, path, src_dir_fd=self._directory)
        self._name = ""

    def close(self) -> None:
        os.close(self.descriptor)
        if self._name:
            with suppress(FileNotFoundError):
                os.unlink(self._name, dir_fd=self._directory)


class _NamelessDraft:
    __slots__ = ("_drafts", "descriptor")

    def __init__(self, descriptor: int, drafts: Drafts) -> None:
        self.descriptor, self._drafts = descriptor, drafts

    def link(self, path: str) -> None:
        self._link(path, None)

    def replace(self, path: str) -> None:
        try:
            self.link(path)
        except FileExistsError:
            self._replace_existing(path)

    def close(self) -> None:
        os.close(self.descriptor)

    def _link(self, path: str, directory: int | None) -> None:
        # An absolute source ignores the descriptor beside it, which makes
        # Python use the call that follows the link to the open file.
        source = f"/proc/self/fd/{self.descriptor}"
        os.link(
            source, path, src_dir_fd=self.descriptor, dst_dir_fd=directory, follow_symlinks=True
        )

    def _replace_existing(self, path: str) -> None:
        directory, name = self._drafts.new_name()
        try:
            self._link(name, directory)
        except FileNotFoundError:
            self._drafts.lost()
            raise
        try:
            os.rename(name, path, src_dir_fd=directory)
        except BaseException:
            os.unlink(name, dir_fd=directory)
            raise


@contextmanager
def _locked(directory: str, how: int) -> Iterator[None]:
    descriptor = _open_directory(directory)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _open_directory(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _remove_abandoned(path: str) -> None:
    """Remove the directory of a process, unless that process still holds its lock."""
    try:
        descriptor = _open_directory(path)
    except (FileNotFoundError, PermissionError):
        return  # just removed, or another user's: that user's next start removes it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(path)
    finally:
        os.close(descriptor)
