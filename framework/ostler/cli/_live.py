"""Progress as a live tree, for a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from ostler.clock import Clock
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import Run, Status, StepPhase, Task
from ostler.runs.reports import TaskReport

from ._describe import command, duration, label, outcome, tally
from ._output import show_cursor
from ._printable import last_line
from ._progress import Progress

__all__ = ["LiveProgress"]

_MARKS = {
    Status.NOTSTARTED: ("·", "dim"),
    Status.RUNNING: ("▸", "cyan"),
    Status.SUCCESS: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.STOPPED: ("■", "yellow"),
    Status.SKIPPED: ("-", "dim"),
    Status.CANCELLED: ("-", "yellow"),
}
_MOST_ROWS = 40
_FIRST = (Status.RUNNING, Status.FAILED, Status.STOPPED)
_END = 1 << 12  # bytes of a log in which its last line is looked for
_STEP_WIDTH = 30
_MARGIN = 7  # of a row: the tree's lines, and what the terminal may echo
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_PER_SECOND = 10


class LiveProgress(Progress):
    """A tree of runs and tasks that is drawn again as they move.

    :param opener: opens the log of (task id, step) while it is written; None: there is none.
    """

    def __init__(
        self, console: Console, clock: Clock, opener: Callable[[str, int], BinaryIO | None]
    ) -> None:
        super().__init__()
        self._console = console
        self._clock = clock
        self._opener = opener
        self._runs: dict[str, Run] = {}
        self._reports: dict[str, TaskReport] = {}
        self._over = False
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=10)

    def start(self) -> None:
        self._live.start()
        super().start()

    def close(self) -> None:
        super().close()
        self._over = True
        self._live.stop()

    def abandon(self) -> None:
        show_cursor(self._console)

    def show_run(self, run: Run, changed: Iterable[str]) -> None:
        self._runs[run.id] = run

    def show_task(self, report: TaskReport) -> None:
        self._reports[report.task_id] = report

    def idle(self) -> None:
        """Do nothing: it is drawn by a clock of its own."""

    def _draw(self) -> Group:
        runs = list(self._runs.values())
        rows = _MOST_ROWS
        if not self._over:  # more than the screen holds would leave traces when it is drawn again
            rows = max(1, min(rows, (self._console.height - 1) // max(1, len(runs)) - 2))
        return Group(*(self._tree(run, rows) for run in runs))

    def _tree(self, run: Run, most: int) -> Tree:
        end = run.end_time or self._clock.now()
        title = Text.assemble(
            (label(run), "bold"),
            f"  {run.result.value if run.phase.final else run.phase.value}  ",
            (duration(run.start_time, end), "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )
        tree = Tree(title)
        config = self.configs[run.id]
        tasks = _worth_showing(run, config, most)
        width = min(
            max((cell_len(task.name) for task in tasks), default=0), self._console.width // 3
        )
        for task in tasks:
            tree.add(self._row(run, task, width))
        if len(tasks) < len(config.tasks):
            tree.add(Text(tally(run), "dim", no_wrap=True, overflow="ellipsis"))
        return tree

    def _row(self, run: Run, config: TaskConfig, width: int) -> Text:
        task = run.tasks[config.id]
        mark, style = _MARKS[task.status]
        if task.status is Status.RUNNING:
            mark = _FRAMES[int(self._clock.monotonic() * _FRAMES_PER_SECOND) % len(_FRAMES)]
        name = Text(config.name, style, no_wrap=True)
        name.truncate(width, overflow="ellipsis", pad=True)
        took = duration(task.start_time, task.end_time or self._clock.now())
        row = Text.assemble((mark, style), " ", name, " ", (f"{took:>6}", "dim"))
        if detail := self._detail(run, task, config):
            row.append(f"  {detail}", "dim")
        # A row as wide as the screen would wrap when the terminal shows ^C behind it.
        row.truncate(self._console.width - _MARGIN, overflow="ellipsis")
        return row

    def _detail(self, run: Run, task: Task, config: TaskConfig) -> str:
        if task.status is Status.RUNNING:
            return self._doing(task.id, config)
        if task.waiting_approval:
            return f"{outcome(task, config)}: {command('approve', run.id, config.name)}"
        if task.status is Status.SUCCESS or (task.status is Status.NOTSTARTED and not task.reason):
            return ""
        return outcome(task, config)

    def _doing(self, task_id: str, config: TaskConfig) -> str:
        report = self._reports.get(task_id)
        if report is None or report.setup.phase is not StepPhase.SUCCESS:
            return "setting up"
        for number, step in enumerate(report.steps):
            if step.phase is StepPhase.RUNNING:
                name = config.steps[number].name
                name = name if len(name) <= _STEP_WIDTH else f"{name[: _STEP_WIDTH - 1]}…"
                said = self._said(task_id, number)
                return f"{name}: {said}" if said else name
        return ""

    def _said(self, task_id: str, step: int) -> str:
        """Return the last line of a step's output, also one that is not ended yet."""
        log = self._opener(task_id, step)
        if log is None:
            return ""
        with log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _END))
            return last_line(log.read(_END))


def _worth_showing(run: Run, config: RunConfig, most: int) -> Sequence[TaskConfig]:
    """Return the tasks that there is room for, in order: those that run or went wrong come first."""
    tasks = list(config.tasks.values())
    if len(tasks) <= most:
        return tasks
    states = [run.tasks[task.id] for task in tasks]
    first = [n for n, state in enumerate(states) if state.status in _FIRST]
    waiting = [n for n, state in enumerate(states) if state.waiting_approval]
    running = [n for n in first if states[n].status is Status.RUNNING]
    return [tasks[n] for n in sorted(list(dict.fromkeys([*running, *waiting, *first]))[:most])]
