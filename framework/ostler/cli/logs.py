"""``ostler logs``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from ostler.compose import Composition
from ostler.errors import NotFound
from ostler.runs.config import RunConfig, TaskConfig
from ostler.runs.model import StepPhase, Task
from ostler.suggest import did_you_mean

from ._describe import outcome
from ._options import Instance, instance_options
from ._output import say

__all__ = ["command", "find_task"]

_MOST = 10
_NOT_RUN = (StepPhase.NOTSTARTED, StepPhase.CANCELLED)


@click.command()
@click.argument("run")
@click.argument("task", required=False)
@click.argument("step", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until the step ends.")
@instance_options
def command(
    *, run: str, task: str | None, step: str | None, follow: bool, instance: Instance
) -> None:
    """Show the logs of RUN, of its TASK, or of one STEP: a number from 0, a name, or `setup`."""
    with Composition(instance.settings()) as composition:
        composition.recovery.recover()
        run_id = composition.store.resolve(run)
        config = composition.store.config(composition.store.header(run_id).run.config_id)
        chosen = [find_task(config, task)] if task else _in_order(config)
        wanted = [(found, _steps(found, step)) for found in chosen]
        for task_config, numbers in wanted:
            shown = False
            for number in numbers:
                header = (
                    "" if task and step else f"== {task_config.name}: {_name(task_config, number)}"
                )
                chunks = composition.logs.read(run_id, task_config.id, number, follow=follow)
                shown |= _copy(header, chunks)
            if not shown:
                _explain(composition.store.task(run_id, task_config.id), task_config, numbers)


def find_task(config: RunConfig, name: str) -> TaskConfig:
    """Return the task that a person means, by name or id.

    :raises NotFound: there is none; says which there are.
    """
    for task in config.tasks.values():
        if name in (task.name, task.id):
            return task
    names = [task.name for task in config.tasks.values()]
    raise NotFound(
        f"the run has no task {name!r}{did_you_mean(name, names)}; it has {_some(names)}"
    )


def _explain(task: Task, config: TaskConfig, numbers: Sequence[int | None]) -> None:
    """Say why there is nothing, unless all that was asked for ran and wrote nothing."""
    steps = [task.setup if number is None else task.steps[number] for number in numbers]
    if any(step.phase in _NOT_RUN for step in steps):
        say(f"== {config.name}: {outcome(task, config)}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(map(repr, names[:_MOST])) + more


def _in_order(config: RunConfig) -> list[TaskConfig]:
    return sorted(config.tasks.values(), key=lambda task: (task.level, task.name))


def _steps(task: TaskConfig, wanted: str | None) -> list[int | None]:
    if wanted is None:
        return [None, *range(len(task.steps))]
    if wanted == "setup":
        return [None]
    if wanted.isdecimal() and int(wanted) < len(task.steps):
        return [int(wanted)]
    named = [number for number, step in enumerate(task.steps) if step.name == wanted]
    if not named:
        steps = [_name(task, number) for number in (None, *range(len(task.steps)))]
        raise NotFound(f"task {task.name!r} has no step {wanted!r}; it has {_some(steps)}")
    return [*named]


def _name(task: TaskConfig, number: int | None) -> str:
    return "setup" if number is None else f"{number} {task.steps[number].name}"


def _copy(header: str, chunks: Iterator[bytes]) -> bool:
    """Write a log below its header; return whether there was anything."""
    last = b""
    for chunk in chunks:
        if header and not last:
            say(header)
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        last = chunk
    if last and not last.endswith(b"\n") and sys.stdout.isatty():
        say("")  # what follows begins a line of its own
    return bool(last)
