"""The file system."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.utils import isfilelike, tokenize

from ostler.errors import NotFound
from ostler.ost import ObjectBody, ObjectStorage
from ostler.settings import Choice

from ._contents import Contents
from ._failures import as_os_errors
from ._plans import planned
from ._storages import Opened, open_shared, shown
from ._together import raise_first, spread, tried
from ._transfers import Reported, copy, replaced, size_of

__all__ = ["OstFileSystem"]

_FSSPEC_OPTIONS = {
    "use_listings_cache",
    "listings_expiry_time",
    "max_paths",
    "asynchronous",
    "loop",
    "batch_size",
}


class OstFileSystem(Contents):
    """An object storage as a file system: ``ost://key``. Usable from many threads at once.

    It is opened when it is first used, and closed when the last file system
    with the same arguments is gone, or with the process. After a fork the
    child opens it anew; elsewhere, an unpickled one opens it by its arguments.

    :param storage: a URL, the name of a storage type, or a table as in the
        settings; None: the storage that the settings choose. Or an open
        `ObjectStorage`, which is left open and cannot be pickled.
    :param settings: path of the file of settings; None: ``$OSTLER_SETTINGS``,
        else ``ostler.toml`` in the current directory, if it is there.
    :param home: what ``OSTLER_HOME`` is; None: as the settings say.
    :raises TypeError: an option is not known.
    """

    def __init__(
        self,
        storage: Choice | ObjectStorage | None = None,
        *,
        settings: str | os.PathLike[str] | None = None,
        home: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        unknown = options.keys() - _FSSPEC_OPTIONS
        if unknown:
            raise TypeError(
                f"ost:// has no option {', '.join(sorted(map(repr, unknown)))}: "
                "give storage, settings or home"
            )
        super().__init__(use_listings_cache=False)
        self._storage = storage
        self._opened: Opened | None = None
        self._settings = None if settings is None else os.fspath(settings)
        self._home = None if home is None else os.fspath(home)

    @property
    def object_storage(self) -> ObjectStorage:
        """The storage, opened if it is not.

        :raises ValueError: the arguments or the settings are wrong.
        :raises OSError: it cannot be opened.
        """
        if isinstance(self._storage, ObjectStorage):
            return self._storage
        opened = self._opened
        if opened is None or opened.pid != os.getpid():
            opened = self._opened = open_shared(self._storage, self._settings, self._home)
        return opened.storage

    @property
    def _fs_token(self) -> str:
        # The same in every thread and process, as fsspec's own is not.
        token: str = tokenize(type(self), self._storage, self._settings, self._home)
        return token

    @property
    def fsid(self) -> str:
        """What tells this file system from those with other arguments."""
        return f"ost_{self._fs_token}"

    def __reduce__(self) -> Any:
        if isinstance(self._storage, ObjectStorage):
            raise TypeError("ost:// on an open ObjectStorage cannot be pickled: give its URL")
        return super().__reduce__()

    def to_dict(self, *, include_password: bool = True) -> dict[str, Any]:
        told: dict[str, Any] = super().to_dict(include_password=include_password)
        if not include_password:
            told["args"] = [shown(each) for each in told["args"]]
            if "storage" in told:
                told["storage"] = shown(told["storage"])
        return told

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {shown(self._storage) or 'of the settings'}>"

    def put_file(
        self,
        lpath: str,
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **kwargs: Any,
    ) -> None:
        """Store a file of this machine, streamed; nothing for a directory.

        :param callback: told of every piece.
        :param mode: as for `pipe_file`.
        """
        if os.path.isdir(lpath):
            return
        with open(lpath, "rb") as file:
            size = size_of(file)
            callback.set_size(size)
            self._store(self._strip_protocol(rpath), Reported(file, callback), size, mode)

    def get_file(
        self,
        rpath: str,
        lpath: Any = None,
        callback: Callback = DEFAULT_CALLBACK,
        outfile: BinaryIO | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy an object into a file of this machine, whole or, whatever fails, not at all.

        :param lpath: its path, or a file that is open for writing, as ``outfile``
            is. Of a directory, only the directory is made.
        """
        rpath = self._strip_protocol(rpath)
        outfile = lpath if outfile is None and isfilelike(lpath) else outfile
        with as_os_errors(rpath), self._body_or_directory(rpath) as body:
            if body is None:
                os.makedirs(lpath, exist_ok=True)
                return
            callback.set_size(body.info.size)
            if outfile is not None:
                copy(body, outfile, callback)
                return
            with replaced(os.fspath(lpath)) as file:
                copy(body, file, callback)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy an object, streamed through here; nothing for a directory.

        :raises FileNotFoundError: there is neither.
        """
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        with as_os_errors(path1), self._body_or_directory(path1) as body:
            if body is not None:
                self._store(path2, body, body.info.size, "overwrite")

    def put(
        self,
        lpath: Any,
        rpath: Any,
        recursive: bool = False,
        callback: Callback = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Store files and trees of this machine, several at once unless a callback is to be told of each."""
        how = {"recursive": recursive, "maxdepth": maxdepth}
        self._transfer("put", lpath, rpath, how, callback, kwargs)

    def get(
        self,
        rpath: Any,
        lpath: Any,
        recursive: bool = False,
        callback: Callback = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy objects and directories to this machine, several at once unless a callback is to be told of each."""
        how = {"recursive": recursive, "maxdepth": maxdepth}
        self._transfer("get", rpath, lpath, how, callback, kwargs)

    def copy(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        on_error: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy objects and directories, several at once.

        :param on_error: ``ignore`` what is not there (any more), or ``raise``;
            None: ignore it with ``recursive``.
        """
        ignored = (on_error or ("ignore" if recursive else "raise")) == "ignore"
        pairs = planned(self, "copy", "cp_file", path1, path2, recursive, maxdepth)
        found = spread(lambda pair: tried(self.cp_file, *pair), pairs)
        raise_first(each for each in found if not (ignored and isinstance(each, FileNotFoundError)))

    def mv(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Copy, and once all of it is copied remove exactly that. What would not move stays.

        :raises ValueError: something would be moved to where something else is moved from.
        """
        strip = self._strip_protocol
        steps = planned(self, "copy", "cp_file", path1, path2, recursive, maxdepth)
        pairs = {strip(source): strip(target) for source, target in steps}
        pairs = {source: target for source, target in pairs.items() if source != target}
        if in_the_way := pairs.keys() & set(pairs.values()):
            raise ValueError(f"cannot move to {min(in_the_way)!r}, which is to be moved itself")
        spread(lambda pair: self.cp_file(*pair), list(pairs.items()))
        self._delete(pairs)

    def rm_file(self, path: str) -> None:
        """Remove an object.

        :raises FileNotFoundError: there is none.
        :raises IsADirectoryError: there is a directory.
        """
        path = self._strip_protocol(path)
        self._check_removable(path)
        self._delete([path])

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Remove objects; what lies in a directory with ``recursive``. Patterns are expanded.

        :raises FileNotFoundError: there is nothing of the kind.
        :raises IsADirectoryError: it is a directory, and not ``recursive``.
        """
        paths = self.expand_path(path, recursive=recursive, maxdepth=maxdepth)
        if not recursive:
            spread(self._check_removable, paths)
        self._delete(paths)

    def rmdir(self, path: str) -> None:
        """Do nothing: an empty directory is not there.

        :raises OSError: it is not empty (``ENOTEMPTY``).
        """
        if self.isdir(path):
            raise OSError(errno.ENOTEMPTY, "the directory is not empty", path)

    def _transfer(
        self, call: str, source: Any, target: Any, how: Any, callback: Callback, options: Any
    ) -> None:
        """Do what fsspec's ``put`` or ``get`` does; its own way tells a callback of each step."""
        if callback is not DEFAULT_CALLBACK:
            getattr(super(), call)(source, target, callback=callback, **how, **options)
            return
        step = f"{call}_file"
        pairs = planned(self, call, step, source, target, **how)
        spread(lambda pair: getattr(self, step)(*pair, **options), pairs)

    @contextmanager
    def _body_or_directory(self, path: str) -> Iterator[ObjectBody | None]:
        """Open an object; None for a directory.

        :raises FileNotFoundError: there is neither.
        """
        with ExitStack() as opened:
            try:
                body = opened.enter_context(self.object_storage.get(path)) if path else None
            except NotFound:
                if not self.isdir(path):
                    raise
                body = None
            yield body

    def _delete(self, paths: Iterable[str]) -> None:
        # Directories among them are gone with what lies in them: no objects, so no error.
        with as_os_errors(None):
            self.object_storage.delete_many(path for path in paths if path)

    def _check_removable(self, path: str) -> None:
        if self.info(path)["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "this is a directory: use recursive", path)
