"""What an executor keeps on its disk for its tasks, until it is in object storage."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ostler.errors import Internal
from ostler.runs.codec import decode_task, encode_task
from ostler.runs.model import Task
from ostler.services.api import TaskReport

__all__ = ["TaskFiles", "kept_outcomes", "log_file", "tasks_directory"]

_OUTCOME = ".outcome.json"


def tasks_directory(directory: Path) -> Path:
    """Return where the files of an executor's tasks lie: all in one directory, named by task."""
    return directory / "tasks"


def log_file(directory: Path, task_id: str, step: int | None) -> Path:
    """Return where the log of a step (None: of the setup) is written while its task runs.

    The file appears with its first byte. It goes away when the runservice has
    acknowledged the task's end; by then the whole log is in object storage.

    :param directory: the executor's.
    """
    return Path(TaskFiles(directory, task_id).log(step))


class TaskFiles:
    """The files of one task.

    :param directory: the executor's.
    """

    __slots__ = ("_made", "_prefix", "task_id")

    def __init__(self, directory: Path, task_id: str) -> None:
        self.task_id = task_id
        self._prefix = f"{directory}/tasks/{task_id}"
        self._made: list[str] = []

    def log(self, step: int | None) -> str:
        """Return the path of a log."""
        return f"{self._prefix}.{'setup' if step is None else step}.log"

    def archive(self, step: int) -> str:
        """Return the path of the workspace archive that a step left."""
        return f"{self._prefix}.{step}.tar"

    def scratch(self) -> str:
        """Return the path of a file that is needed for a moment."""
        return f"{self._prefix}.scratch"

    def made(self, path: str) -> None:
        """Note that a file was made, to be removed in the end."""
        self._made.append(path)

    def keep(self, report: TaskReport) -> None:
        """Write the task's end down, so that the executor's next life can tell it."""
        path = self._prefix + _OUTCOME
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(encode_task(_task(report)), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)
        self.made(path)

    def find(self) -> None:
        """Take note of the files that an earlier life of the executor made."""
        folder, name = os.path.split(self._prefix)
        for entry in os.listdir(folder):
            if entry.startswith(name + "."):
                self.made(f"{folder}/{entry}")

    def remove(self) -> None:
        """Remove every file that was made."""
        for path in self._made:
            _unlink(path)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _task(report: TaskReport) -> Task:
    return Task(
        id=report.task_id,
        status=report.status,
        setup=report.setup,
        steps=report.steps,
        start_time=report.start_time,
        end_time=report.end_time,
        reason=report.reason,
    )


def _report(task: Task) -> TaskReport:
    return TaskReport(
        task_id=task.id,
        status=task.status,
        setup=task.setup,
        steps=task.steps,
        start_time=task.start_time,
        end_time=task.end_time,
        reason=task.reason,
    )


def kept_outcomes(directory: Path) -> Iterator[TaskReport]:
    """Yield the ends of tasks that an earlier life of the executor did not get acknowledged.

    :raises Internal: a file is damaged.
    """
    for path in sorted(tasks_directory(directory).glob("*" + _OUTCOME)):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Internal(f"{path} is damaged: {error}; remove it to go on") from error
        yield _report(decode_task(data))
