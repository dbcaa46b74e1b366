from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import Conflict
from ostler.runs.config import Condition, Dependency, RunConfig, StepConfig, TaskConfig
from ostler.runs.creation import new_task
from ostler.runs.model import (
    OutputPhase,
    Phase,
    Result,
    Run,
    Status,
    Step,
    StepPhase,
    Task,
)
from ostler.runs.restart import restart_from_failed, restart_from_scratch

from .strategies import configs, graph, started, task

SAVE = StepConfig(type="save_to_workspace", name="save", archives=True)
CONFIG = graph(
    task("build", steps=(SAVE,)),
    task("test", "build"),
    task("docs", "build"),
    task("mend", ("test", [Condition.ON_FAILURE])),
    task("publish", "docs", ("test", [Condition.ON_SUCCESS, Condition.ON_FAILURE])),
)
STORED = Step(
    phase=StepPhase.SUCCESS, log=OutputPhase.FINISHED, archive=OutputPhase.FINISHED, exit_code=0
)
STATES = {
    "build": Task(id="build", status=Status.SUCCESS, setup=STORED, steps=(STORED,), end_time=3.0),
    "test": Task(id="test", status=Status.FAILED, end_time=4.0),
    "docs": Task(id="docs", status=Status.SUCCESS, approved=True, annotations={"k": "v"}),
    "mend": Task(id="mend", status=Status.SUCCESS),
    "publish": Task(id="publish", status=Status.SUCCESS),
}
OVER = replace(
    started(CONFIG),
    counter=7,
    tasks=STATES,
    phase=Phase.FINISHED,
    result=Result.FAILED,
    annotations={"who": "ada"},
    enqueue_time=1.0,
    end_time=9.0,
    archived=True,
    revision=12,
)


class Ids:
    def __init__(self) -> None:
        self._numbers: Iterator[int] = iter(range(1000))

    def __call__(self) -> str:
        return f"new{next(self._numbers)}"


def from_failed(run: Run = OVER, config: RunConfig = CONFIG) -> tuple[RunConfig, Run]:
    return restart_from_failed(run, config, Ids(), lambda *_: True)


def by_name(config: RunConfig) -> dict[str, TaskConfig]:
    return {one.name: one for one in config.tasks.values()}


def test_from_scratch_everything_is_new() -> None:
    config, run = restart_from_scratch(OVER, CONFIG, Ids())
    assert run == Run(
        id="new0",
        config_id=config.id,
        name="random",
        group="/project/x",
        annotations={"who": "ada"},
        tasks={one.id: new_task(one) for one in config.tasks.values()},
    )
    assert not {run.id, config.id, *config.tasks} & {OVER.id, CONFIG.id, *CONFIG.tasks}
    tasks = by_name(config)
    assert list(tasks) == list(CONFIG.tasks)
    assert tasks["publish"].depends == (
        Dependency(tasks["docs"].id),
        Dependency(tasks["test"].id, frozenset({Condition.ON_SUCCESS, Condition.ON_FAILURE})),
    )


def test_from_failed_what_succeeded_is_kept_whole() -> None:
    config, run = from_failed()
    assert {name for name in config.tasks if name in CONFIG.tasks} == {"build", "docs"}
    assert (run.tasks["build"], run.tasks["docs"]) == (STATES["build"], STATES["docs"])
    assert config.tasks["build"] == CONFIG.tasks["build"]
    assert (run.phase, run.result, run.id, run.counter) == (
        Phase.QUEUED,
        Result.UNKNOWN,
        "new0",
        0,
    )


def test_from_failed_what_did_not_succeed_and_all_that_follows_it_is_new() -> None:
    config, run = from_failed()
    tasks = by_name(config)
    for name in ("test", "mend", "publish"):
        assert tasks[name].id not in CONFIG.tasks
        assert run.tasks[tasks[name].id] == new_task(tasks[name])
    assert tasks["publish"].depends[0] == Dependency("docs")
    assert tasks["publish"].depends[1].task_id == tasks["test"].id


@pytest.mark.parametrize(
    "status", [one for one in Status if one.final and one is not Status.SUCCESS]
)
def test_every_other_end_than_success_is_new(status: Status) -> None:
    states = {**STATES, "build": Task(id="build", status=status)}
    config, _ = from_failed(replace(OVER, tasks=states))
    assert not set(config.tasks) & set(CONFIG.tasks)


def test_a_cancelled_run_can_be_restarted_both_ways() -> None:
    tasks = {one: Task(id=one, status=Status.CANCELLED) for one in CONFIG.tasks}
    run = replace(OVER, phase=Phase.CANCELLED, result=Result.UNKNOWN, tasks=tasks)
    assert from_failed(run)[1].phase is Phase.QUEUED
    assert restart_from_scratch(run, CONFIG, Ids())[1].phase is Phase.QUEUED


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RUNNING])
def test_a_run_that_is_not_over_cannot_be_restarted(phase: Phase) -> None:
    run = replace(OVER, phase=phase)
    for restart in (lambda: restart_from_scratch(run, CONFIG, Ids()), lambda: from_failed(run)):
        with pytest.raises(Conflict, match=f"cannot restart run run: it is still {phase.value}"):
            restart()


def test_a_run_that_could_never_run_cannot_be_restarted() -> None:
    run = replace(OVER, phase=Phase.SETUPERROR)
    for restart in (lambda: restart_from_scratch(run, CONFIG, Ids()), lambda: from_failed(run)):
        with pytest.raises(Conflict, match="cannot restart run run: its config has errors"):
            restart()


def test_a_success_is_not_restarted_from_what_failed() -> None:
    run = replace(OVER, result=Result.SUCCESS)
    with pytest.raises(Conflict, match="everything succeeded; restart it from scratch"):
        from_failed(run)
    assert restart_from_scratch(run, CONFIG, Ids())[1].phase is Phase.QUEUED


NOT_STORED = "logs or archives of task 'build' are not in object storage; restart it from scratch"


@pytest.mark.parametrize(
    "step",
    [
        replace(STORED, log=OutputPhase.NOTSTARTED),
        replace(STORED, archive=OutputPhase.NOTSTARTED),
    ],
)
def test_what_never_reached_object_storage_cannot_be_shared(step: Step) -> None:
    states = {**STATES, "build": replace(STATES["build"], steps=(step,))}
    with pytest.raises(Conflict, match=NOT_STORED):
        from_failed(replace(OVER, tasks=states))


def test_what_is_no_longer_in_object_storage_cannot_be_shared() -> None:
    asked: list[str] = []

    def has_outputs(state: Task, config: TaskConfig) -> bool:
        asked.append(config.name)
        return state.id != "build"

    with pytest.raises(Conflict, match=NOT_STORED):
        restart_from_failed(OVER, CONFIG, Ids(), has_outputs)
    assert asked == ["build"]


def test_only_of_tasks_that_succeeded_outputs_are_asked_for() -> None:
    asked: list[str] = []
    restart_from_failed(
        OVER, CONFIG, Ids(), lambda state, config: asked.append(config.name) is None
    )
    assert sorted(asked) == ["build", "docs", "mend", "publish"]


@given(configs(), st.data())
def test_what_is_kept_succeeded_and_so_did_all_its_ancestors(
    config: RunConfig, data: st.DataObject
) -> None:
    final = st.sampled_from([Status.SUCCESS, Status.SUCCESS, Status.FAILED, Status.SKIPPED])
    tasks = {one: Task(id=one, status=data.draw(final)) for one in config.tasks}
    run = replace(OVER, tasks=tasks)
    new_config, new = from_failed(run, config)
    assert set(new.tasks) == set(new_config.tasks)
    old = by_name(config)
    kept = {one.name for one in new_config.tasks.values() if one.id == old[one.name].id}
    for name, one in by_name(new_config).items():
        parents = {config.tasks[parent.task_id].name for parent in old[name].depends}
        succeeded = tasks[old[name].id].status is Status.SUCCESS
        assert (name in kept) == (succeeded and parents <= kept)
        assert [new_config.tasks[parent.task_id].name for parent in one.depends] == [
            config.tasks[parent.task_id].name for parent in old[name].depends
        ]
        expected = tasks[one.id] if name in kept else new_task(one)
        assert new.tasks[one.id] == expected
