"""Reading a step's log from anywhere: object storage, or the file that is still being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ostler.clock import Clock
from ostler.errors import NotFound
from ostler.runs.model import OutputPhase, Step, StepPhase, Task
from ostler.services.runservice import keys
from ostler.services.runservice.outputs import Outputs
from ostler.services.runservice.store import RunStore
from ostler.services.runservice.values import load

__all__ = ["LogReader"]

_CHUNK = 1 << 16
_POLL = 0.05
_OPEN = (StepPhase.NOTSTARTED, StepPhase.RUNNING)


class LogReader:
    """Reads logs of runs, also those that another process on this machine is writing.

    :param log_file: where an instance keeps a log while the step runs:
        ``(instance directory, task id, step; None: setup)``.
    """

    def __init__(
        self,
        store: RunStore,
        outputs: Outputs,
        clock: Clock,
        log_file: Callable[[Path, str, int | None], Path],
    ) -> None:
        self._store = store
        self._outputs = outputs
        self._clock = clock
        self._log_file = log_file

    def read(
        self, run_id: str, task_id: str, step: int | None, *, start: int = 0, follow: bool = False
    ) -> Iterator[bytes]:
        """Yield a step's log from byte ``start``; ``step`` None: the setup's.

        :param follow: go on until the step ends; else stop at what is there now.
        :raises NotFound: there is no such run or task, or its log is gone.
        """
        position = start
        live: BinaryIO | None = None
        try:
            while True:
                task = self._store.task(run_id, task_id)
                if _state(task, step).log is OutputPhase.FINISHED:
                    yield from self._stored(run_id, task_id, step, position)
                    return
                over = task.status.final or _state(task, step).phase not in _OPEN
                live = live or self._live(run_id, task_id, step)
                for chunk in _rest(live, position):
                    position += len(chunk)
                    yield chunk
                if over or not (follow or self._just_stored(live, run_id, task_id, step)):
                    return
                if follow:
                    self._clock.sleep(_POLL)
        finally:
            if live:
                live.close()

    def _just_stored(
        self, live: BinaryIO | None, run_id: str, task_id: str, step: int | None
    ) -> bool:
        """Return whether a log went to object storage between the look for it there and here."""
        if live:
            return False
        return _state(self._store.task(run_id, task_id), step).log is OutputPhase.FINISHED

    def _stored(
        self, run_id: str, task_id: str, step: int | None, position: int
    ) -> Iterator[bytes]:
        try:
            body = self._outputs.open_log(task_id, step, position)
        except NotFound as error:
            raise self._gone(run_id, task_id, step) from error
        with body:
            while chunk := body.read(_CHUNK):
                yield chunk

    def _gone(self, run_id: str, task_id: str, step: int | None) -> NotFound:
        config = self._store.config(self._store.header(run_id).run.config_id)
        what = "setup" if step is None else f"step {step}"
        return NotFound(
            f"the log of task {config.tasks[task_id].name!r}, {what}, is not in object storage: "
            "it was removed there"
        )

    def _live(self, run_id: str, task_id: str, step: int | None) -> BinaryIO | None:
        owner = self._store.header(run_id).owner
        item = self._store.kv.get(keys.instance(owner)) if owner else None
        if item is None:
            return None
        try:
            return self._log_file(Path(load(item)["directory"]), task_id, step).open("rb")
        except FileNotFoundError:
            return None  # not begun yet, or just stored: the next look tells


def _state(task: Task, step: int | None) -> Step:
    return task.setup if step is None else task.steps[step]


def _rest(live: BinaryIO | None, position: int) -> Iterator[bytes]:
    if live is None:
        return
    live.seek(position)
    while chunk := live.read(_CHUNK):
        yield chunk
