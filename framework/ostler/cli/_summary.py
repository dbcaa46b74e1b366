"""The last words about a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import Phase, Result, Run, Status, StepPhase, Task

from ._describe import command, duration, label, outcome, tally
from ._output import say

__all__ = ["LogEnd", "print_summary"]

LogEnd = Callable[[str, int], Sequence[str]]
"""Returns the last lines of the log of (task id, step)."""

_TOLD = (Status.FAILED, Status.STOPPED)


def print_summary(run: Run, config: RunConfig, log_end: LogEnd) -> None:
    """Say how a run ended, what did not succeed, and what to do next.

    :param log_end: what a failed step last wrote, where that was not shown already.
    """
    word = run.phase.value if run.phase is Phase.CANCELLED else run.result.value
    took = duration(run.start_time, run.end_time) or "0 s"
    say("")
    say(f"run {label(run)}: {word} in {took}  ({tally(run)})")
    for task in config.tasks.values():
        state = run.tasks[task.id]
        if state.status in _TOLD:
            _print_task(run, state, task, log_end)
    if run.result in (Result.FAILED, Result.STOPPED):
        say(f"  to run again what did not succeed: {command('restart', '--failed', run.id)}")


def _print_task(run: Run, task: Task, config: TaskConfig, log_end: LogEnd) -> None:
    may_fail = task.status is Status.FAILED and config.ignore_failure
    say(f"  {config.name}: {outcome(task, config)}{' (ignored)' if may_fail else ''}")
    for step in _failed(task):
        for line in log_end(task.id, step):
            say(f"    | {line}")
    say(f"    {command('logs', run.id, config.name)}")


def _failed(task: Task) -> Iterator[int]:
    for number, step in enumerate(task.steps):
        if step.phase is StepPhase.FAILED:
            yield number
