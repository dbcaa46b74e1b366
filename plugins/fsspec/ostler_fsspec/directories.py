"""File systems that have directories, and can rename a file onto another at once."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

from ostler.errors import BadRequest, Error, Unavailable
from ostler.spi.storage import Body, Capabilities, ObjectInfo, Readable

from .bodies import HandleBody, clipped
from .clients import Client
from .failures import typed, unsure
from .general import RESERVED, GeneralBackend, exists, key_conflict
from .infos import Info, object_info
from .pieces import head_of
from .places import drop, is_below_file, kind

__all__ = ["DirectoryBackend"]

_PATIENCE = 100
_PASSES = 8
_PIECE = 1 << 20
_OLD = 24 * 3600.0


class DirectoryBackend(GeneralBackend):
    """Objects are written under another name and renamed; readers keep the file that they opened."""

    name_bytes = 255

    tick: ClassVar[float] = 0.02
    """Of the clock that a directory's time is taken from, in seconds, generously."""

    _swept = False

    def find_out(self) -> Capabilities:
        return Capabilities(durable_put=False, flat=False)

    @abstractmethod
    def replace(self, fs: Any, old: str, new: str) -> None:
        """Rename a file, onto another if there is one, in one step."""

    @abstractmethod
    def link(self, fs: Any, old: str, new: str) -> None:
        """Give a file a second name; of many who give one name one succeeds.

        :raises OSError: the name is taken, by whatever.
        """

    @abstractmethod
    def opened(self, handle: Any, key: str) -> ObjectInfo:
        """Describe the object ``key``, which is open as ``handle``."""

    @abstractmethod
    def written(self, fs: Any, path: str, key: str, size: int) -> ObjectInfo:
        """Describe the object ``key`` whose ``size`` bytes have been written to ``path``."""

    def entries(self, directory: str) -> Sequence[Info]:
        """Read a directory again until nothing new is found in it, if it changes meanwhile.

        Some file systems lose a name that is replaced while they are read.
        """
        before = self._changed(directory)
        found = {info["name"]: info for info in super().entries(directory)}
        for _again in range(_PASSES):
            after = self._changed(directory)
            if after == before and 0 <= after < time.time() - self.tick:
                break
            before, known = after, len(found)
            found |= {info["name"]: info for info in super().entries(directory)}
            if len(found) == known:
                break
        return list(found.values())

    def open(self, path: str, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        self.info(path)  # opening what is no file may wait for somebody else
        with ExitStack() as undo:
            client = self.clients.take()
            undo.callback(self.clients.give_back, client)
            handle = client.call("open", path, "rb")
            undo.callback(client.run, handle.close)
            with client.lock:
                info = self.opened(handle, key)
                low, high = clipped(info.size, start, end)
                handle.seek(low)
            undo.pop_all()
        return info, HandleBody(self.clients, client, handle, high - low, key)

    def put(
        self, path: str, key: str, source: Readable, size: int | None, *, exclusive: bool
    ) -> ObjectInfo:
        with self.clients.use() as client:
            if exclusive and kind(client, path) == "file":
                raise exists(key)  # before much is written for nothing; the link decides
            draft, moved = self.draft(), False
            try:
                count = self._write(client, draft, source, size)
                info = client.run(self.written, client.fs, draft, key, count)
                self._sweep(client, draft)
                self._publish(client, draft, path, key, exclusive=exclusive)
                moved = not exclusive
            finally:
                if not moved:
                    drop(client, draft)
        return info

    def remove(self, path: str) -> None:
        """Remove an object, and with it the directories that have nothing else in them."""
        with self.clients.use() as client:
            if kind(client, path) != "file":
                return
            try:
                client.call("rm_file", path)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return  # somebody else was quicker
            self._prune(client, path)

    def _write(self, client: Client, draft: str, source: Readable, size: int | None) -> int:
        data, whole = head_of(source, size, _PIECE)
        handle = self._open_draft(client, draft)
        try:
            if whole:
                client.run(handle.write, data)
            else:
                self.write_all(client, handle, data, source, size)
            return int(client.run(handle.tell))
        finally:
            client.run(handle.close)

    def _open_draft(self, client: Client, draft: str) -> Any:
        try:
            return client.call("open", draft, "wb")
        except FileNotFoundError:
            blocked = BadRequest(
                f"a file is in the place of {self.root!r}, or of what that is in; check the storage's path"
            )
            self._make_directory(client, f"{self.base}{RESERVED}", blocked)
            return client.call("open", draft, "wb")

    def _publish(self, client: Client, draft: str, path: str, key: str, *, exclusive: bool) -> None:
        """Give a draft its path, although something is in the way or nothing leads there."""
        step = self.link if exclusive else self.replace
        last: Exception | None = None
        for _again in range(_PATIENCE):
            try:
                return client.run(step, client.fs, draft, path)
            except FileNotFoundError as error:
                last = error
                self._make_directory(client, path.rpartition("/")[0], key_conflict(key))
            except Exception as error:
                last = error
                if self.is_broken(client.fs, error) or not isinstance(error, OSError):
                    broken = typed(error, f"store {key!r}")
                    raise (unsure(broken) if exclusive else broken) from error
                self._clear(client, path, key, error, exclusive=exclusive)
        raise Unavailable(
            f"cannot store {key!r}: its directory is removed, or its place taken and left, "
            f"again and again ({last}): try later"
        ) from last

    def _clear(
        self, client: Client, path: str, key: str, error: OSError, *, exclusive: bool
    ) -> None:
        """Remove empty directories that are in the way of ``path``; else raise what it is."""
        found = kind(client, path)
        if exclusive and found == "file":
            raise exists(key) from error
        if found == "directory":
            self._remove_empty(client, path, key)
        elif is_below_file(client, self.root, path):
            raise key_conflict(key) from error
        elif found == "file" or not _may_be_in_the_way(error):
            raise error

    def _remove_empty(self, client: Client, directory: str, key: str) -> None:
        """Remove a tree of directories without any file, bottom up."""
        try:
            found = client.call("ls", directory, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return  # somebody else was quicker
        for info in found:
            if info["type"] != "directory":
                raise key_conflict(key)
            self._remove_empty(client, str(info["name"]).rstrip("/"), key)
        try:
            client.call("rmdir", directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise key_conflict(key) from error  # a writer was quicker

    def _sweep(self, client: Client, draft: str) -> None:
        """Remove, once, what crashed processes left: drafts a day older than one of now."""
        if self._swept:
            return
        self._swept = True
        now = object_info("", client.call("info", draft)).modified
        for info in client.call("ls", draft.rpartition("/")[0], detail=True):
            if object_info("", info).modified < now - _OLD:
                drop(client, str(info["name"]))

    def _make_directory(self, client: Client, directory: str, blocked: Error) -> None:
        """Make a directory, and those that it is in; that it is there already is no error.

        :param blocked: raised when there is a file in its place.
        """
        try:
            client.call("mkdir", directory, create_parents=False)
        except FileNotFoundError:
            self._make_directory(client, directory.rpartition("/")[0] or "/", blocked)
            self._make_directory(client, directory, blocked)
        except OSError as error:
            found = kind(client, directory)
            if found == "file" or is_below_file(client, self.root, directory):
                raise blocked from error
            if found != "directory" and not _may_be_in_the_way(error):
                raise

    def _prune(self, client: Client, path: str) -> None:
        directory = path.rpartition("/")[0]
        while len(directory) > len(self.root):
            try:
                client.call("rmdir", directory)
            except OSError:
                return  # something else is in it, or somebody else was quicker
            directory = directory.rpartition("/")[0]

    def _changed(self, directory: str) -> float:
        """Return when the names in a directory changed last; negative when that is not known."""
        try:
            with self.clients.use() as client:
                return object_info("", client.call("info", directory)).modified
        except (FileNotFoundError, NotADirectoryError):
            return -1.0


def _may_be_in_the_way(error: OSError) -> bool:
    """Whether it may come of what was at a path, and has gone since; SFTP tells no more than failure."""
    taken = (FileExistsError, IsADirectoryError, NotADirectoryError)
    return isinstance(error, taken) or error.errno is None
