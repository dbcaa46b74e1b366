"""Where a run's logs, archives and caches lie in object storage."""

from __future__ import annotations

__all__ = [
    "archive_key",
    "archive_marker",
    "archives_prefix",
    "cache_key",
    "caches_prefix",
    "log_key",
    "log_marker",
    "logs_prefix",
]


def logs_prefix(task_id: str) -> str:
    """Return the prefix of all that belongs to the logs of a task."""
    return f"logs/{task_id}/"


def log_key(task_id: str, step: int | None) -> str:
    """Return the key of a step's log; ``step`` None: the setup's."""
    name = "setup.log" if step is None else f"steps/{step}.log"
    return f"{logs_prefix(task_id)}data/{name}"


def log_marker(task_id: str, run_id: str) -> str:
    """Return the key of the empty object that says: this run refers to these logs."""
    return f"{logs_prefix(task_id)}runs/{run_id}"


def archives_prefix(task_id: str) -> str:
    """Return the prefix of all that belongs to the workspace archives of a task."""
    return f"workspacearchives/{task_id}/"


def archive_key(task_id: str, step: int) -> str:
    """Return the key of the workspace archive that a step left."""
    return f"{archives_prefix(task_id)}data/{step}.tar"


def archive_marker(task_id: str, run_id: str) -> str:
    """Return the key of the empty object that says: this run refers to these archives."""
    return f"{archives_prefix(task_id)}runs/{run_id}"


def caches_prefix() -> str:
    """Return the prefix of all caches."""
    return "caches/"


def cache_key(name: str) -> str:
    """Return the key of a cache by its full name (escaped by the caller of `find`)."""
    return f"{caches_prefix()}{name}.tar"
