"""The directories of pods, on disk."""

from __future__ import annotations

import os
import secrets
import stat

from ostler.errors import Conflict, Unavailable

__all__ = ["PodDirectory", "Premises", "remove_tree"]

_TASK = "task"


class PodDirectory:
    """The private directory of one pod: ``home``, ``tmp`` and the scripts of its execs."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.home = f"{path}/home"
        self.tmp = f"{path}/tmp"  # noqa: S108  its own

    def create(self, task_id: str | None) -> None:
        """Make it.

        :param task_id: to be remembered; None: it is the pod's id.
        :raises Conflict: it exists.
        """
        try:
            os.mkdir(self.path, 0o700)
        except FileExistsError as error:
            raise Conflict(f"{self.path} exists: a pod of that id was not removed") from error
        os.mkdir(self.home, 0o700)
        os.mkdir(self.tmp, 0o700)
        if task_id is not None:
            _write(f"{self.path}/{_TASK}", task_id.encode(), 0o600)

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


class Premises:
    """Where an executor keeps its pods: ``pods``, its ``token`` and its ``lock``."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._pods = f"{self.path}/pods"
        self.lock = f"{self.path}/lock"
        self.log = f"{self.path}/supervisor.log"

    def prepare(self) -> str:
        """Make what is missing and return the token: random, the same over restarts."""
        os.makedirs(self._pods, 0o700, exist_ok=True)
        path = f"{self.path}/token"
        if not os.path.exists(path):
            _write(f"{path}.new", secrets.token_hex(8).encode(), 0o600)
            os.replace(f"{path}.new", path)
        with open(path, encoding="ascii") as file:
            return file.read()

    def pod(self, id: str) -> PodDirectory:
        """Return the directory of the pod ``id``, which need not exist."""
        return PodDirectory(f"{self._pods}/{id}")

    def pods(self) -> list[str]:
        """Return the ids of the pods that have a directory."""
        return sorted(os.listdir(self._pods))


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
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
