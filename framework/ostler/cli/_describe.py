"""Runs as JSON and as words."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Any

from ostler.runs.actions import approvers
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import Run, Status, Step, Task

__all__ = ["command", "describe_header", "describe_run", "duration", "label", "outcome", "tally"]


def describe_header(run: Run) -> dict[str, Any]:
    """Return a run without its tasks, as JSON shows it. Times: seconds since 1970-01-01 UTC."""
    return {
        "id": run.id,
        "name": run.name,
        "counter": run.counter,
        "group": run.group,
        "phase": run.phase.value,
        "result": run.result.value,
        "stop": run.stop,
        "annotations": dict(run.annotations),
        "enqueue_time": run.enqueue_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "archived": run.archived,
    }


def describe_run(run: Run, config: RunConfig) -> dict[str, Any]:
    """Return a run with its tasks by name, as JSON shows it."""
    tasks = {task.name: _task(run.tasks[task.id], task) for task in config.tasks.values()}
    return {**describe_header(run), "tasks": tasks}


def label(run: Run) -> str:
    """Return what to call a run: ``build #3``."""
    return f"{run.name} #{run.counter}"


def command(*words: str) -> str:
    """Return an ``ostler`` command as one types it into a shell."""
    return shlex.join(("ostler", *words))


def tally(run: Run) -> str:
    """Return how many tasks stand how: ``2 skipped, 3 success``."""
    counts = Counter(task.status.value for task in run.tasks.values())
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


def duration(start: float | None, end: float | None) -> str:
    """Return a span of time in words, empty when it did not begin."""
    if start is None or end is None:
        return ""
    seconds = max(0.0, end - start)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return (
        f"{minutes // 60} h {minutes % 60:02} min"
        if minutes >= 60
        else f"{minutes} min {rest:02} s"
    )


def outcome(task: Task, config: TaskConfig) -> str:
    """Return how a task stands, with the reason and the exit code where there is one."""
    words = task.status.value
    if task.waiting_approval:
        already = ", ".join(approvers(task))
        return f"waits for approval{already and f', so far by {already}'}"
    if task.status is Status.FAILED and not task.reason:
        for step, step_config in zip(task.steps, config.steps, strict=True):
            if step.exit_code:
                words += f": step {step_config.name!r} ended with exit code {step.exit_code}"
                break
    return f"{words}: {task.reason}" if task.reason not in ("", words) else words


def _task(task: Task, config: TaskConfig) -> dict[str, Any]:
    steps = [
        {"type": step_config.type, "name": step_config.name, **_step(step)}
        for step, step_config in zip(task.steps, config.steps, strict=True)
    ]
    return {
        "id": task.id,
        "status": task.status.value,
        "reason": task.reason,
        "waiting_approval": task.waiting_approval,
        "approved": task.approved,
        "annotations": dict(task.annotations),
        "start_time": task.start_time,
        "end_time": task.end_time,
        "setup": _step(task.setup),
        "steps": steps,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "phase": step.phase.value,
        "exit_code": step.exit_code,
        "start_time": step.start_time,
        "end_time": step.end_time,
    }
