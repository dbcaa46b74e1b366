"""The names of everything that the runservice keeps in the key-value store.

A run's *header* (``run/<id>``) is also its change group: whoever changes any
part of a run either owns it and compares the header's revision, or writes the
header too. So one comparison guards the whole run.
"""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import quote

__all__ = [
    "EVENTS",
    "EXECUTORS",
    "EXECUTOR_TASKS",
    "INSTANCES",
    "QUEUES",
    "RUNS",
    "executor",
    "executor_task",
    "instance",
    "queue",
    "queued",
    "run",
    "running",
    "task",
    "tasks",
]

RUNS = "run/"
EVENTS = "event/"
EXECUTORS = "executor/"
EXECUTOR_TASKS = "executortask/"
INSTANCES = "instance/"
QUEUES = "queue/"

_LONGEST = 300


def run(run_id: str) -> str:
    """Return the key of a run's header."""
    return f"{RUNS}{run_id}"


def tasks(run_id: str) -> str:
    """Return the prefix of a run's tasks."""
    return f"task/{run_id}/"


def task(run_id: str, task_id: str) -> str:
    """Return the key of a task of a run."""
    return f"task/{run_id}/{task_id}"


def running(group: str) -> str:
    """Return the key that holds the id of the run that runs in a group."""
    return f"running/{_part(group)}"


def queue(group: str) -> str:
    """Return the prefix of a group's queued runs, in order."""
    return f"{QUEUES}{_part(group)}/"


def queued(group: str, run_id: str) -> str:
    """Return the key that says: this run waits in this group."""
    return f"{queue(group)}{run_id}"


def executor(executor_id: str) -> str:
    """Return the key of an executor's registration."""
    return f"{EXECUTORS}{executor_id}"


def executor_task(task_id: str) -> str:
    """Return the key of an executor task: it exists while the task is active."""
    return f"{EXECUTOR_TASKS}{task_id}"


def instance(instance_id: str) -> str:
    """Return the key of a process that owns runs."""
    return f"{INSTANCES}{instance_id}"


def _part(text: str) -> str:
    """Return a text as one part of a key; one that is too long for a key by its hash."""
    quoted = quote(text, safe="")
    if len(quoted) <= _LONGEST:
        return quoted
    return f"{quoted[:_LONGEST]}#{blake2b(text.encode(), digest_size=16).hexdigest()}"
