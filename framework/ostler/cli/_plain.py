"""Progress as lines: what a pipe, a file or another CI system gets."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ostler.runs.config import TaskConfig
from ostler.runs.model import Phase, Run, Status
from ostler.runs.reports import TaskReport

from ._describe import command, duration, label, outcome
from ._output import nobody_listens
from ._progress import Progress
from ._tail import Opener, Tails

__all__ = ["PlainProgress"]


class PlainProgress(Progress):
    """Prints every line of output and every change to standard error, each with its task's name.

    :param quiet: leave the output of the steps out.
    """

    def __init__(self, opener: Opener, *, quiet: bool) -> None:
        super().__init__()
        self._tails = Tails(opener)
        self._quiet = quiet
        self._tasks: dict[str, TaskConfig] = {}
        self._run_names: dict[str, str] = {}
        self._phases: dict[str, Phase] = {}
        self._shown: dict[str, tuple[Status, bool, str]] = {}

    def show_run(self, run: Run, changed: Iterable[str]) -> None:
        config = self.configs[run.id]
        if run.id not in self._phases:
            self._tasks.update(config.tasks)
            self._run_names.update(dict.fromkeys(config.tasks, run.name))
        moved = self._phases.get(run.id) is not run.phase
        self._phases[run.id] = run.phase
        if moved and not run.phase.final:
            self._say(_phase_line(run))
        for task_id in sorted(changed, key=lambda task_id: config.tasks[task_id].level):
            self._show_status(run, task_id)
        if moved and run.phase.final:
            self._say(_phase_line(run))
        self._flush()

    def show_task(self, report: TaskReport) -> None:
        if self._quiet or report.task_id not in self._tasks:
            return
        for block in self._tails.follow(report):
            self._print(report.task_id, block)

    def idle(self) -> None:
        for task_id, block in self._tails.new():
            self._print(task_id, block)
        self._flush()

    def abandon(self) -> None:
        """Do nothing: lines leave no traces."""

    def _show_status(self, run: Run, task_id: str) -> None:
        task, config = run.tasks[task_id], self._tasks[task_id]
        shown = (task.status, task.waiting_approval, task.reason)
        if self._shown.get(task_id) == shown or task.status is Status.RUNNING:
            return
        self._shown[task_id] = shown
        if task.status.final or task.waiting_approval or task.reason:
            took = duration(task.start_time, task.end_time)
            self._say(f"{self._name(task_id)}: {outcome(task, config)}{took and f' ({took})'}")
        if task.waiting_approval:
            self._say(f"  {command('approve', run.id, config.name)}")

    def _name(self, task_id: str) -> str:
        """Return what to call a task: by its name, with that of its run if there are several."""
        name = self._tasks[task_id].name
        return name if len(self.configs) == 1 else f"{self._run_names[task_id]} / {name}"

    def _print(self, task_id: str, block: bytes) -> None:
        prefix = f"{self._name(task_id)} | ".encode()
        self._write(prefix + block[:-1].replace(b"\n", b"\n" + prefix) + b"\n")

    def _say(self, text: str) -> None:
        self._write(f"{text}\n".encode(errors="replace"))

    def _write(self, data: bytes) -> None:
        try:
            sys.stderr.buffer.write(data)
        except OSError:
            nobody_listens()  # the run goes on without an audience

    def _flush(self) -> None:
        try:
            sys.stderr.buffer.flush()
        except OSError:
            nobody_listens()


def _phase_line(run: Run) -> str:
    if run.phase is Phase.FINISHED:
        took = duration(run.start_time, run.end_time)
        return f"run {label(run)}: {run.result.value} ({took})"
    return f"run {label(run)}: {run.phase.value}  [{run.id}]"
