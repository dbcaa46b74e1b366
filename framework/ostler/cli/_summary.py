"""The last words about a run."""

from __future__ import annotations

from collections import Counter

from ostler.runs.config import RunConfig
from ostler.runs.model import Phase, Result, Run, Status

from ._describe import duration, label, outcome
from ._output import say

__all__ = ["print_summary"]

_TOLD = (Status.FAILED, Status.STOPPED)


def print_summary(run: Run, config: RunConfig) -> None:
    """Say how a run ended, what did not succeed, and what to do next."""
    counts = Counter(task.status.value for task in run.tasks.values())
    tally = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    word = run.phase.value if run.phase is Phase.CANCELLED else run.result.value
    say("")
    say(f"run {label(run)}: {word} in {duration(run.start_time, run.end_time) or '0 s'}  ({tally})")
    for task in config.tasks.values():
        state = run.tasks[task.id]
        if state.status in _TOLD:
            say(f"  {task.name}: {outcome(state, task)}")
            say(f"    ostler logs {run.id} '{task.name}'")
    if run.result in (Result.FAILED, Result.STOPPED):
        say(f"  to run again what did not succeed: ostler restart --failed {run.id}")
