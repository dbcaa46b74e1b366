"""``ostler runs``."""

from __future__ import annotations

from datetime import datetime

import click

from ostler.compose import Composition
from ostler.runs.config import RunConfig
from ostler.runs.model import REASON, Run
from ostler.services.runservice import Selection

from ._describe import describe_header, describe_run, duration, label, outcome
from ._options import Instance, instance_options, json_option
from ._output import print_json, print_table, say

__all__ = ["command"]


@click.command()
@click.argument("run", required=False)
@click.option("--limit", "-n", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@json_option
@instance_options
def command(*, run: str | None, limit: int | None, as_json: bool, instance: Instance) -> None:
    """List runs, newest first; or show RUN (an id, its beginning, or `latest`) with its tasks."""
    with Composition(instance.settings()) as composition:
        composition.recovery.recover()
        if run is None:
            _list(composition, limit, as_json=as_json)
        else:
            _show(composition, run, as_json=as_json)


def _list(composition: Composition, limit: int | None, *, as_json: bool) -> None:
    runs = composition.store.list(Selection(), limit).runs
    if as_json:
        print_json({"runs": [describe_header(run) for run in runs]})
        return
    if not runs:
        say("no runs yet; `ostler run` makes one")
        return
    rows = [
        [run.id, label(run), _state(run), _when(run.enqueue_time), _took(composition, run)]
        for run in runs
    ]
    print_table(["id", "run", "state", "queued", "took"], rows)


def _show(composition: Composition, name: str, *, as_json: bool) -> None:
    run = composition.store.run(composition.store.resolve(name)).run
    config = composition.store.config(run.config_id)
    if as_json:
        print_json({"runs": [describe_run(run, config)], "setup_errors": []})
        return
    print_table(
        ["id", "run", "state", "queued", "took"],
        [[run.id, label(run), _state(run), _when(run.enqueue_time), _took(composition, run)]],
    )
    click.echo()
    print_table(["task", "state", "took"], _task_rows(run, config))


def _task_rows(run: Run, config: RunConfig) -> list[list[str]]:
    return [
        [task.name, outcome(state, task), duration(state.start_time, state.end_time)]
        for task in config.tasks.values()
        for state in [run.tasks[task.id]]
    ]


def _state(run: Run) -> str:
    state = run.result.value if run.phase.value == "finished" else run.phase.value
    if run.phase.value == "running" and run.stop:
        state = "stopping"
    reason = run.annotations.get(REASON)
    return f"{state}: {reason}" if reason else state


def _when(time: float | None) -> str:
    return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M:%S") if time else ""


def _took(composition: Composition, run: Run) -> str:
    return duration(run.start_time, run.end_time or composition.clock.now())
