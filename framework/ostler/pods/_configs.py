"""What is refused before a driver sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ostler.errors import BadRequest
from ostler.spi.executor import ContainerConfig, ExecConfig, PodConfig

__all__ = ["check_exec", "check_path", "check_pod"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_pod(config: PodConfig) -> None:
    """Check that a pod can be made so.

    :raises BadRequest: naming the first thing that is wrong.
    """
    for what, value in (("id", config.id), ("task_id", config.task_id)):
        if not _ID.fullmatch(value):
            raise BadRequest(
                f"pod {what} {value!r} is not 1 to 128 letters, digits, '.', '_' or '-' "
                "that begin with a letter or a digit"
            )
    if not config.containers:
        raise BadRequest(f"pod {config.id} has no container; it needs at least one")
    for number, container in enumerate(config.containers):
        _check_container(f"container {number} of pod {config.id}", container)


def check_exec(pod: str, config: ExecConfig) -> None:
    """Check that a process can be started so.

    :raises BadRequest: naming the first thing that is wrong.
    """
    where = f"exec in pod {pod}"
    if not config.argv:
        raise BadRequest(f"{where}: argv is empty; it needs the command at least")
    for argument in config.argv:
        _check_text(f"{where}: argument", argument)
    _check_environment(where, config.environment)
    if config.working_dir:
        check_path(f"{where}: working directory", config.working_dir)
        if not config.working_dir.startswith("/"):
            raise BadRequest(
                f"{where}: working directory {config.working_dir!r} is not absolute; "
                "expand it with directory() first"
            )
    if config.tty and config.error is not None:
        raise BadRequest(f"{where}: a terminal has one output; leave out error, or tty")


def check_path(what: str, path: str) -> None:
    """Check that ``path`` can be one.

    :raises BadRequest: it is empty or holds a NUL.
    """
    if not path:
        raise BadRequest(f"{what} is empty")
    _check_text(what, path)


def _check_container(what: str, container: ContainerConfig) -> None:
    _check_environment(what, container.environment)
    for volume in container.volumes:
        if not volume.path.startswith("/"):
            raise BadRequest(f"{what}: volume path {volume.path!r} is not absolute")
        if volume.size is not None and volume.size <= 0:
            raise BadRequest(f"{what}: volume {volume.path} has size {volume.size}")


def _check_environment(what: str, environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not name or "=" in name:
            raise BadRequest(f"{what}: {name!r} cannot be the name of a variable")
        _check_text(f"{what}: variable name", name)
        _check_text(f"{what}: value of variable {name}", value, show=False)


def _check_text(what: str, text: str, *, show: bool = True) -> None:
    if "\0" in text:
        raise BadRequest(f"{what}{f' {text!r}' if show else ''} holds a NUL character")
