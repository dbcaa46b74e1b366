"""How a file system is used of which nothing is known.

fsspec's implementations agree on names, not on what holds when something fails or several
write at once. This claims what it has seen, which is little, and is careful with the rest.
Subclasses know better.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from ostler.errors import Conflict, Error, NotFound, Unavailable
from ostler.spi.storage import Body, Capabilities, ObjectInfo, Readable

from .bodies import BLOCK, BlockBody, Fetch, changed, clipped, complete
from .clients import Client, Clients
from .failures import no_container, translated
from .infos import Info, is_object, object_info
from .pieces import head_of, rest_of
from .places import drop, on_the_way, told
from .probing import is_flat

__all__ = ["NOTHING", "RESERVED", "GeneralBackend", "exists", "key_conflict", "missing"]

RESERVED = ".ostler\x7f"
"""The directory of what is being written: no key can be in it."""

NOTHING = Capabilities(
    atomic_put=False,
    exclusive_put=False,
    durable_put=False,
    consistent_list=False,
    flat=False,
)
"""What is claimed where nothing is known."""

_PATIENCE = 20


class GeneralBackend:
    """The file system behind a storage, by full paths.

    :param connect: makes a file system object.
    :param root: below which everything lies; empty: paths begin with the key, without a ``/``.
    """

    clients_most: ClassVar[int] = 1
    """Of `Clients`: not everything that fsspec offers may be used by several threads at once."""

    head: ClassVar[int] = 8 << 20
    """Up to this size, in bytes, an object is stored in one call."""

    grain: ClassVar[float] = 0.0
    """Of times, in seconds, where `info` and `ls` tell them differently."""

    name_bytes: ClassVar[int | None] = None
    """The longest part of a key."""

    path_bytes: ClassVar[int | None] = None
    """The longest key together with what goes before it, without the bucket."""

    forbidden: ClassVar[Sequence[str]] = ()
    """Texts that are not a part of a path to this file system, but mean something."""

    name: ClassVar[str] = "a file system that is not known"

    def __init__(self, connect: Callable[[], Any], root: str) -> None:
        self.root = root.rstrip("/")
        self.base = f"{self.root}/" if root else ""
        self.clients = Clients(lambda: self.prepared(connect()), self.clients_most, self.is_broken)
        self._lock = threading.Lock()
        self._known: Capabilities | None = None
        self._refusal: Error | None = None

    def prepared(self, fs: Any) -> Any:
        """Return a new file system object, made fit for us."""
        return fs

    def is_broken(self, fs: Any, error: Exception) -> bool:
        """Whether ``fs`` has lost its connection, now that it has raised ``error``."""
        return False

    def end(self, fs: Any) -> None:
        """Close a file system object, where there is something to close."""

    @classmethod
    def options(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments of the constructor, of which ``given`` are from the settings."""
        return given

    @property
    def capabilities(self) -> Capabilities:
        """What it can do, tried out when first asked for."""
        with self._lock:
            if self._known is None:
                with translated("find out what the file system can do"):
                    self._known = self.find_out()
            return self._known

    def find_out(self) -> Capabilities:
        """Try out what can be; called once.

        That a key can be beside a longer one is seen. Whether a put is atomic, or a listing
        complete, nobody sees by trying, so it is not claimed.
        """
        try:
            with self.clients.use() as client:
                return replace(NOTHING, flat=is_flat(client, self.draft()))
        except Unavailable:
            raise
        except Error as error:
            self._refusal = error
            return NOTHING

    def info(self, path: str) -> Info:
        """Return what `info` says of an object; anything else is not found."""
        with self.clients.use() as client:
            found: Info = client.call("info", path)
        if not is_object(found):
            raise FileNotFoundError(path)
        return found

    def describe(self, key: str, info: Info) -> ObjectInfo:
        """Describe the object ``key``, of which the file system says ``info``."""
        return object_info(key, info, grain=self.grain)

    def entries(self, directory: str) -> Sequence[Info]:
        """Return what is in a directory, in any order; nothing when there is none such."""
        with self.clients.use() as client:
            try:
                found = self.listed(client, directory)
            except (FileNotFoundError, NotADirectoryError) as error:
                if no_container(error):
                    raise
                return []
        return found

    def listed(self, client: Client, directory: str) -> Sequence[Info]:
        """Return what `ls` says of a directory."""
        found: Sequence[Info] = client.call("ls", directory, detail=True)
        return found

    def open(self, path: str, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        """Open a range of an object, read in blocks of one version."""
        for _again in range(_PATIENCE):
            info, fetch = self.version(path, key)
            low, high = clipped(info.size, start, end)
            block = min(low + BLOCK, high)
            try:
                first = fetch(low, block) if low < block else b""
            except Unavailable as error:
                if error.code != "changed":
                    raise
            else:
                return info, BlockBody(fetch, first, block, high)
        raise changed(key)

    def version(self, path: str, key: str) -> tuple[ObjectInfo, Fetch]:
        """Describe an object as it is now, and return what reads that version.

        That has code ``"changed"`` for its error when it is another one: here seen after each read.
        """
        info = self.describe(key, self.info(path))
        return info, partial(self._fetch, path, info)

    def put(
        self, path: str, key: str, source: Readable, size: int | None, *, exclusive: bool
    ) -> ObjectInfo:
        """Store an object: in one call, or under another name first.

        What a call of the file system leaves when it fails half-way is removed.
        """
        self.capabilities  # noqa: B018 - a file system that takes nothing says so here
        if self._refusal is not None:
            raise self._refusal
        data, whole = head_of(source, size, self.head)
        try:
            with self.clients.use() as client:
                if exclusive and client.call("isfile", path):
                    raise exists(key)
                if whole:
                    self._pipe(client, path, data)
                else:
                    self._put_large(client, path, data, source, size)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise key_conflict(key) from error
        return self.describe(key, self.info(path))

    def remove(self, path: str) -> None:
        """Remove an object; nothing happens when there is none."""
        try:
            self.info(path)
            with self.clients.use() as client:
                client.call("rm_file", path)
        except (FileNotFoundError, NotADirectoryError):
            return

    def remove_many(self, paths: Sequence[str]) -> None:
        """Remove objects."""
        for path in paths:
            self.remove(path)

    def close(self) -> None:
        """Release everything. Idempotent."""
        self.clients.close(self.end)

    def draft(self) -> str:
        """Return a new path for what is being written."""
        return f"{self.base}{RESERVED}/{uuid.uuid4().hex}"

    def _fetch(self, path: str, info: ObjectInfo, low: int, high: int) -> bytes:
        """Return bytes of the version that ``info`` describes."""
        with translated(f"read {info.key!r}", absent=lambda: changed(info.key)):
            with self.clients.use() as client:
                data: bytes = client.call("cat_file", path, start=low, end=high)
            if self.describe(info.key, self.info(path)) != info:
                raise changed(info.key)
        if len(data) == info.size:
            data = data[low:high]  # servers that know no ranges send everything
        return complete(data, high - low, info.key)

    def _pipe(self, client: Client, path: str, data: bytes) -> None:
        with self._nothing_left(client, path):
            on_the_way(client, path, lambda: client.call("pipe_file", path, data))

    def _put_large(
        self, client: Client, path: str, data: bytes, source: Readable, size: int | None
    ) -> None:
        draft = self.draft()
        try:
            handle = on_the_way(client, draft, lambda: client.call("open", draft, "wb"))
            try:
                self.write_all(client, handle, data, source, size)
            finally:
                client.run(handle.close)
            with self._nothing_left(client, path):
                on_the_way(client, path, lambda: client.call("mv", draft, path))
        finally:
            drop(client, draft)

    def write_all(
        self, client: Client, handle: Any, data: bytes, source: Readable, size: int | None
    ) -> None:
        """Write a head and the rest of a source, which is read without the client's lock."""
        client.run(handle.write, data)
        for piece in rest_of(source, size, len(data)):
            client.run(handle.write, piece)

    @contextmanager
    def _nothing_left(self, client: Client, path: str) -> Iterator[None]:
        """Remove what a call that fails has made of an object; what it has not touched stays."""
        before = told(client, path)
        try:
            yield
        except BaseException:
            if self._was_touched(client, path, before):
                drop(client, path)
            raise

    def _was_touched(self, client: Client, path: str, before: Info | None) -> bool:
        try:
            return told(client, path) != before
        except Exception:
            return False  # not known: rather a part that stays than an object that is lost


def exists(key: str) -> Conflict:
    """Return the error for an exclusive put of what exists."""
    return Conflict(f"the object {key!r} exists already", code="exists")


def key_conflict(key: str) -> Conflict:
    """Return the error for a key that cannot be beside another one."""
    return Conflict(
        f"{key!r} cannot be stored: a key is both an object and the beginning of another",
        code="key_conflict",
    )


def missing(key: str) -> NotFound:
    """Return the error for a key that has no object."""
    return NotFound(f"there is no object {key!r}")
