"""Random run configs, and a table of how tasks follow from their parents that owes nothing to `advance`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from ostler.runs import actions
from ostler.runs.config import Condition, Dependency, RunConfig, StepConfig, TaskConfig
from ostler.runs.creation import new_run
from ostler.runs.model import Run, Status

K = TypeVar("K")
V = TypeVar("V")

SATISFIES = {
    (Status.SUCCESS, Condition.ON_SUCCESS),
    (Status.FAILED, Condition.ON_FAILURE),
    (Status.SKIPPED, Condition.ON_SKIPPED),
}

ON_SUCCESS = frozenset({Condition.ON_SUCCESS})
conditions = st.just(ON_SUCCESS) | st.frozensets(st.sampled_from(Condition), min_size=1)
rarely = st.integers(0, 7).map(lambda drawn: drawn == 7)
steps = st.lists(
    st.builds(StepConfig, type=st.just("run"), name=st.just(""), archives=st.booleans()), max_size=2
)


@st.composite
def configs(draw: st.DrawFn, max_tasks: int = 7) -> RunConfig:
    """A config of up to ``max_tasks`` tasks; neither names nor ids follow the order of the graph."""
    count = draw(st.integers(1, max_tasks))
    names = draw(st.permutations([f"task {number}" for number in range(count)]))
    tasks: list[TaskConfig] = []
    for number in range(count):
        picked = draw(st.lists(st.sampled_from(tasks), max_size=2, unique_by=id)) if tasks else []
        tasks.append(
            TaskConfig(
                id=f"id-{number}",
                name=names[number],
                level=1 + max((parent.level for parent in picked), default=-1),
                depends=tuple(Dependency(parent.id, draw(conditions)) for parent in picked),
                steps=tuple(draw(steps)),
                approval=draw(rarely),
                ignore_failure=draw(rarely),
                skip=draw(rarely),
            )
        )
    return config_of(draw(st.permutations(tasks)))


def config_of(tasks: Iterable[TaskConfig]) -> RunConfig:
    return RunConfig(id="config", name="random", tasks={task.id: task for task in tasks})


def started(config: RunConfig) -> Run:
    """A run of ``config`` that has just been started."""
    return actions.start(new_run(config, run_id="run", group="/project/x"), 1.0)


def task(
    name: str, *depends: str | tuple[str, Sequence[Condition]], **options: object
) -> TaskConfig:
    """A task whose id is its name; a dependency is a name, or a name and conditions."""
    pairs = [(one, [Condition.ON_SUCCESS]) if isinstance(one, str) else one for one in depends]
    return replace(
        TaskConfig(
            id=name,
            name=name,
            depends=tuple(Dependency(parent, frozenset(when)) for parent, when in pairs),
        ),
        **options,
    )


def graph(*tasks: TaskConfig) -> RunConfig:
    """A config of tasks given parents first; levels are worked out."""
    levels: dict[str, int] = {}
    for one in tasks:
        levels[one.id] = 1 + max((levels[parent.task_id] for parent in one.depends), default=-1)
    return config_of(replace(one, level=levels[one.id]) for one in tasks)


def shuffled(mapping: Mapping[K, V], randomness: random.Random) -> dict[K, V]:
    items = list(mapping.items())
    randomness.shuffle(items)
    return dict(items)


def satisfied(config: TaskConfig, status: Mapping[str, Status]) -> bool:
    """Whether each dependency has a condition that its parent's status satisfies."""
    return all(
        any(
            (status[dependency.task_id], condition) in SATISFIES
            for condition in dependency.conditions
        )
        for dependency in config.depends
    )


def allowed(
    config: TaskConfig,
    status: Mapping[str, Status],
    reported: Mapping[str, Status],
    *,
    stopped: bool,
    failed: bool,
) -> set[Status]:
    """The end statuses that a task may have, from its parents' and what its executor reported."""
    if config.skip:
        return {Status.SKIPPED}
    if config.id in reported:
        return {reported[config.id]} if satisfied(config, status) else set()
    if not satisfied(config, status):
        return {Status.SKIPPED, Status.CANCELLED} if stopped else {Status.SKIPPED}
    if stopped or (failed and not config.depends):
        return {Status.CANCELLED}
    return set()
