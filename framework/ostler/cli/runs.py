"""``ostler runs``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from ostler.compose import Composition
from ostler.errors import BadRequest
from ostler.runs.config import RunConfig
from ostler.runs.model import REASON, Phase, Result, Run
from ostler.services.runservice import Selection

from ._describe import describe_header, describe_run, duration, label, outcome
from ._options import Instance, instance_options, json_option
from ._output import print_json, print_table, say

__all__ = ["command"]


_PHASES = click.Choice([phase.value for phase in Phase])
_RESULTS = click.Choice([result.value for result in Result])


@click.command()
@click.argument("run", required=False)
@click.option("--group", metavar="PATH", default="", help="Only of this group, or below it.")
@click.option("--phase", type=_PHASES, help="Only in this phase.")
@click.option("--result", type=_RESULTS, help="Only with this result.")
@click.option(
    "--annotation",
    "annotations",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="Only with this annotation (repeatable).",
)
@click.option("--limit", "-n", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option("--after", metavar="RUN", default="", help="Go on behind this run: with older ones.")
@json_option
@instance_options
def command(
    *,
    run: str | None,
    group: str,
    phase: str | None,
    result: str | None,
    annotations: Sequence[str],
    limit: int | None,
    after: str,
    as_json: bool,
    instance: Instance,
) -> None:
    """List runs, newest first; or show RUN (an id, its beginning, or `latest`) with its tasks."""
    selection = Selection(
        group=group,
        phase=Phase(phase) if phase else None,
        result=Result(result) if result else None,
        annotations=dict(map(_annotation, annotations)),
        after=after,
    )
    if run is not None and selection != Selection():
        raise BadRequest("RUN is one run: leave out what chooses among several")
    with Composition(instance.settings()) as composition:
        composition.recovery.recover()
        if run is None:
            _list(composition, selection, limit, as_json=as_json)
        else:
            _show(composition, run, as_json=as_json)


def _annotation(text: str) -> tuple[str, str | None]:
    key, given, value = text.partition("=")
    return key, value if given else None


def _list(
    composition: Composition, selection: Selection, limit: int | None, *, as_json: bool
) -> None:
    page = composition.store.list(selection, limit)
    if as_json:
        print_json({"runs": [describe_header(run) for run in page.runs], "after": page.after})
        return
    if not page.runs:
        say("no runs like that" if selection != Selection() else _NONE)
        return
    rows = [
        [run.id, label(run), _state(run), _when(run.enqueue_time), _took(composition, run)]
        for run in page.runs
    ]
    print_table(["id", "run", "state", "queued", "took"], rows)
    if page.after:
        say(f"there are more: --after {page.after}")


_NONE = "no runs yet; `ostler run` makes one"


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
