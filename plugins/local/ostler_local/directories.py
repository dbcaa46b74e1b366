"""The directories of pods, on disk."""

from __future__ import annotations

import os
import secrets
import stat

from ostler.errors import Conflict, Unavailable

__all__ = ["PodDirectory", "Premises", "Spares", "remove_tree"]

_TASK = "task"
_SPARES = 32
_SKELETON = {"home": ["project"], "home/project": [], "tmp": []}
_PRIVATE = stat.S_IFDIR | 0o700


class PodDirectory:
    """The private directory of one pod: ``home`` with ``project``, ``tmp``, the scripts of its execs."""

    def __init__(self, path: str, spares: Spares) -> None:
        self._spares = spares
        self.path = path
        self.home = f"{path}/home"
        self.tmp = f"{path}/tmp"  # noqa: S108  its own

    def create(self, task_id: str | None) -> None:
        """Make it.

        :param task_id: to be remembered; None: it is the pod's id.
        :raises Conflict: it exists.
        """
        if os.path.lexists(self.path):
            raise Conflict(f"{self.path} exists: a pod of that id was not removed", code="exists")
        if not self._spares.take(self.path):
            _make_skeleton(self.path)
        if task_id is not None:
            _write(f"{self.path}/{_TASK}", task_id.encode(), 0o600)

    def remove(self) -> None:
        """Remove it with all that is in it; absent already is no error. No process may be at work in it.

        :raises Unavailable: something cannot be removed.
        """
        if not self._spares.keep(self.path):
            remove_tree(self.path)

    def task_id(self) -> str | None:
        """Return what `create` was told to remember."""
        try:
            with open(f"{self.path}/{_TASK}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def add_script(self, number: int, content: bytes) -> str:
        """Write an exec's script and return its path."""
        path = f"{self.path}/script-{number}"
        _write(path, content, 0o700)
        return path


class Spares:
    """Empty pod directories that wait to be used again: two renames cost a tenth of making and removing one.

    :param path: the directory that they lie in.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._names: list[str] = []

    def find(self) -> None:
        """Take up those of an earlier life."""
        os.makedirs(self._path, 0o700, exist_ok=True)
        self._names = os.listdir(self._path)

    def take(self, path: str) -> bool:
        """Give one away, as ``path``; False when there is none."""
        try:
            os.rename(f"{self._path}/{self._names.pop()}", path)
        except (IndexError, FileNotFoundError):
            return False
        return True

    def keep(self, path: str) -> bool:
        """Keep the pod directory ``path`` if nothing but scripts is in it; False: it stays where it is."""
        name = os.path.basename(path)
        try:
            if len(self._names) >= _SPARES or not _strip(path):
                return False
            os.rename(path, f"{self._path}/{name}")
        except OSError:
            return False  # what it is that hinders will show when it is removed
        self._names.append(name)
        return True


class Premises:
    """Where an executor keeps its pods: ``pods``, its ``token`` and its ``lock``."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._pods = f"{self.path}/pods"
        self._spares = Spares(f"{self.path}/spares")
        self.lock = f"{self.path}/lock"
        self.log = f"{self.path}/supervisor.log"

    def prepare(self) -> str:
        """Make what is missing and return the token: random, the same over restarts."""
        os.makedirs(self._pods, 0o700, exist_ok=True)
        self._spares.find()
        path = f"{self.path}/token"
        if not os.path.exists(path):
            _write(f"{path}.new", secrets.token_hex(8).encode(), 0o600)
            os.replace(f"{path}.new", path)
        with open(path, encoding="ascii") as file:
            return file.read()

    def pod(self, id: str) -> PodDirectory:
        """Return the directory of the pod ``id``, which need not exist."""
        return PodDirectory(f"{self._pods}/{id}", self._spares)

    def pods(self) -> list[str]:
        """Return the ids of the pods that have a directory."""
        return sorted(os.listdir(self._pods))


def _make_skeleton(path: str) -> None:
    for part in ("", *_SKELETON):
        os.mkdir(f"{path}/{part}", 0o700)


def _strip(path: str) -> bool:
    """Remove the scripts; return whether a bare skeleton is left."""
    for name in os.listdir(path):
        if name not in _SKELETON:
            os.unlink(f"{path}/{name}")
    # Each is known to be no link before what is below it is looked at.
    return all(
        os.lstat(f"{path}/{name}").st_mode == _PRIVATE and os.listdir(f"{path}/{name}") == inner
        for name, inner in _SKELETON.items()
    )


def remove_tree(path: str) -> None:
    """Remove a directory and all in it; absent already is no error. Nobody else may be at work in it.

    :raises Unavailable: something cannot be removed.
    """
    try:
        _remove_directory(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(f"cannot remove {error.filename or path}: {error.strerror}") from error


def _remove_directory(path: str) -> None:
    try:
        os.rmdir(path)
        return
    except OSError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise
    os.chmod(path, 0o700)  # a build may have left it read-only
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _remove_directory(entry.path)
            else:
                os.unlink(entry.path)
    os.rmdir(path)


def _write(path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
