"""``ostler logs``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from ostler.compose import Composition
from ostler.errors import NotFound
from ostler.runs.config import RunConfig, TaskConfig
from ostler.suggest import did_you_mean

from ._options import Instance, instance_options

__all__ = ["command", "find_task"]


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
        for task_config in chosen:
            for number in _steps(task_config, step):
                if not (task and step):
                    click.echo(f"== {task_config.name}: {_name(task_config, number)}", err=True)
                _copy(composition.logs.read(run_id, task_config.id, number, follow=follow))


def find_task(config: RunConfig, name: str) -> TaskConfig:
    """Return the task that a person means, by name or id.

    :raises NotFound: there is none; says which there are.
    """
    for task in config.tasks.values():
        if name in (task.name, task.id):
            return task
    names = [task.name for task in config.tasks.values()]
    raise NotFound(f"the run has no task {name!r}{did_you_mean(name, names)}")


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
        raise NotFound(f"task {task.name!r} has no step {wanted!r}; it has {len(task.steps)}")
    return [*named]


def _name(task: TaskConfig, number: int | None) -> str:
    return "setup" if number is None else f"{number} {task.steps[number].name}"


def _copy(chunks: Iterator[bytes]) -> None:
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
