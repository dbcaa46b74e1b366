"""Progress as a live tree, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ostler.clock import Clock
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import Run, Status, StepPhase, Task
from ostler.runs.reports import TaskReport

from ._describe import duration, label, outcome
from ._progress import Progress
from ._tail import Opener, Tails

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


class LiveProgress(Progress):
    """A tree of runs and tasks that is drawn again as they move.

    :param opener: opens logs.
    """

    def __init__(self, console: Console, clock: Clock, opener: Opener) -> None:
        super().__init__()
        self._clock = clock
        self._tails = Tails(opener)
        self._runs: dict[str, Run] = {}
        self._reports: dict[str, TaskReport] = {}
        self._last_line: dict[str, str] = {}
        self._spinner = Spinner("dots")
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=10, transient=False
        )

    def start(self) -> None:
        self._live.start()
        super().start()

    def close(self) -> None:
        super().close()
        self._live.stop()

    def show_run(self, run: Run, changed: Iterable[str]) -> None:
        self._runs[run.id] = run

    def show_task(self, report: TaskReport) -> None:
        self._reports[report.task_id] = report
        for block in self._tails.follow(report):
            self._keep(report.task_id, block)

    def idle(self) -> None:
        for task_id, block in self._tails.new():
            self._keep(task_id, block)

    def _keep(self, task_id: str, block: bytes) -> None:
        line = block.rstrip(b"\n").rpartition(b"\n")[2]
        self._last_line[task_id] = line.decode(errors="replace").rpartition("\r")[2].strip()

    def _draw(self) -> Group:
        return Group(*(self._tree(run) for run in list(self._runs.values())))

    def _tree(self, run: Run) -> Tree:
        end = run.end_time or self._clock.now()
        title = Text.assemble(
            (label(run), "bold"),
            f"  {run.result.value if run.phase.final else run.phase.value}  ",
            (duration(run.start_time, end), "dim"),
        )
        tree = Tree(title)
        config = self.configs[run.id]
        rows = _worth_showing(run, config)
        for task in rows:
            tree.add(self._row(run.tasks[task.id], task))
        if len(rows) < len(config.tasks):
            tree.add(Text(_counts(run), "dim"))
        return tree

    def _row(self, task: Task, config: TaskConfig) -> Table:
        mark, style = _MARKS[task.status]
        row = Table.grid(padding=(0, 1))
        end = task.end_time or self._clock.now()
        took = Text(duration(task.start_time, end), "dim")
        running = task.status is Status.RUNNING
        row.add_row(
            self._spinner if running else Text(mark, style),
            Text(config.name, style),
            took,
            Text(self._detail(task, config), "dim", overflow="ellipsis", no_wrap=True),
        )
        return row

    def _detail(self, task: Task, config: TaskConfig) -> str:
        if task.status is Status.RUNNING:
            step = self._step(task.id, config)
            said = self._last_line.get(task.id, "")
            return f"{step}: {said}" if said else step
        if task.status is Status.SUCCESS or (
            task.status is Status.NOTSTARTED and not (task.waiting_approval or task.reason)
        ):
            return ""
        return outcome(task, config)

    def _step(self, task_id: str, config: TaskConfig) -> str:
        report = self._reports.get(task_id)
        for number, step in enumerate(report.steps if report else ()):
            if step.phase is StepPhase.RUNNING:
                return config.steps[number].name
        return "setting up"


def _worth_showing(run: Run, config: RunConfig) -> list[TaskConfig]:
    tasks = list(config.tasks.values())
    if len(tasks) <= _MOST_ROWS:
        return tasks
    first = (Status.RUNNING, Status.FAILED, Status.STOPPED)
    return [task for task in tasks if run.tasks[task.id].status in first][:_MOST_ROWS]


def _counts(run: Run) -> str:
    counts: dict[str, int] = {}
    for task in run.tasks.values():
        counts[task.status.value] = counts.get(task.status.value, 0) + 1
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
