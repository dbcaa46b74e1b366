from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.runs.config import TaskConfig
from ostler.runs.placement import Candidate, Placement, choose
from ostler.spi.executor import ContainerConfig
from ostler.spi.runs import ExecutorView

NOW = 100.0
PLAIN = TaskConfig(id="t", name="task")
ARM = replace(PLAIN, arch="arm64")
PRIVILEGED = replace(PLAIN, containers=(ContainerConfig(), ContainerConfig(privileged=True)))
LABELLED = replace(PLAIN, labels={"zone": "b", "gpu": "yes"})


def executor(id: str, **options: object) -> Candidate:
    made = Candidate(id=id, archs=("amd64",), last_seen=NOW, group="g", limit=4)
    return replace(made, **options)


def placed(task: TaskConfig, *executors: Candidate) -> Placement:
    return choose(task, executors, now=NOW)


# --- who is chosen


def test_the_one_with_most_free_slots_is_chosen_and_ties_go_by_id() -> None:
    busy = executor("a", active=2)
    assert placed(PLAIN, busy, executor("c"), executor("b")) == Placement("b")


def test_a_limit_is_never_overshot() -> None:
    one = executor("a", limit=2)
    counts = [placed(PLAIN, replace(one, active=active)).executor_id for active in range(4)]
    assert counts == ["a", "a", None, None]


def test_no_limit_is_unlimited_and_zero_is_none() -> None:
    assert placed(PLAIN, executor("a", limit=None, active=10**6)) == Placement("a")
    assert placed(PLAIN, executor("a", limit=0)) == Placement(None, "1 executor full")


def test_of_unlimited_executors_the_least_busy_is_chosen() -> None:
    first, second = (
        executor(name, limit=None, active=active) for name, active in (("a", 3), ("b", 1))
    )
    assert placed(PLAIN, first, second, executor("c", limit=100)) == Placement("b")


def test_slots_of_several_executors_fill_evenly() -> None:
    active = {"a": 0, "b": 0, "c": 0}
    for _ in range(9):
        chosen = placed(PLAIN, *(executor(name, active=count) for name, count in active.items()))
        assert chosen.executor_id
        active[chosen.executor_id] += 1
    assert active == {"a": 3, "b": 3, "c": 3}


def test_architectures_are_a_list_and_none_asked_is_any() -> None:
    both = executor("both", archs=("amd64", "arm64"), active=3)
    assert placed(ARM, executor("amd"), both) == Placement("both")
    assert placed(PLAIN, executor("other", archs=("riscv64",))) == Placement("other")


def test_every_label_must_be_carried() -> None:
    half = executor("half", labels={"gpu": "yes"})
    whole = executor("whole", labels={"gpu": "yes", "zone": "b", "more": "x"}, active=3)
    assert placed(LABELLED, half, whole) == Placement("whole")


def test_privileged_containers_must_be_allowed() -> None:
    assert placed(PRIVILEGED, executor("a"), executor("b", allow_privileged=True)) == Placement("b")


def test_the_dead_are_not_chosen() -> None:
    late = executor("late", last_seen=NOW - 30.5, limit=None)
    just = executor("just", last_seen=NOW - 30.0)
    assert placed(PLAIN, late, just) == Placement("just")
    assert choose(PLAIN, [late], now=NOW, alive_after=60.0) == Placement("late")


# --- who is not, and why

UNPLACED = [
    (PLAIN, [], "there is no executor", False),
    (PLAIN, [executor("a", last_seen=0.0)], "no executor is alive", False),
    (ARM, [executor("a", last_seen=0.0, archs=("arm64",))], "no executor is alive", False),
    (ARM, [executor("a")], "no executor has architecture arm64", True),
    (
        ARM,
        [executor("a"), executor("b", archs=("arm64",), last_seen=0.0)],
        "no executor has architecture arm64",
        True,
    ),
    (PRIVILEGED, [executor("a")], "no executor allows privileged containers", True),
    (
        LABELLED,
        [executor("a", labels={"zone": "b", "gpu": "no"})],
        "no executor carries label gpu=yes",
        True,
    ),
    (
        LABELLED,
        [executor("a", labels={"zone": "b"}), executor("b", labels={"gpu": "yes"})],
        "no executor carries label gpu=yes and carries label zone=b",
        True,
    ),
    (
        replace(ARM, labels={"gpu": "yes"}),
        [executor("a")],
        "no executor has architecture arm64 and carries label gpu=yes",
        True,
    ),
    (PLAIN, [executor(name, active=4) for name in "abc"], "3 executors full", False),
    (PLAIN, [executor("a", draining=True)], "1 executor draining", False),
    (
        ARM,
        [executor("a"), executor("b", archs=("arm64",), active=5)],
        "1 executor full",
        False,
    ),
    (
        PLAIN,
        [executor("a", active=4), executor("b", draining=True, active=4)],
        "1 executor full, 1 executor draining",
        False,
    ),
]


@pytest.mark.parametrize(("task", "executors", "reason", "permanent"), UNPLACED)
def test_why_not(
    task: TaskConfig, executors: list[Candidate], reason: str, permanent: bool
) -> None:
    assert placed(task, *executors) == Placement(None, reason, permanent)


# --- policies


def test_a_policy_may_reorder() -> None:
    seen: list[ExecutorView] = []

    def rank(candidates: Sequence[ExecutorView]) -> Sequence[str]:
        seen.extend(candidates)
        return ["unknown", "busy", "free"]

    executors = [executor("busy", active=3), executor("free"), executor("full", active=4)]
    assert choose(PLAIN, executors, now=NOW, rank=rank) == Placement("busy")
    assert [(view.id, view.active, view.free) for view in seen] == [("free", 0, 4), ("busy", 3, 1)]


def test_a_policy_may_have_no_opinion() -> None:
    assert choose(PLAIN, [executor("a")], now=NOW, rank=lambda _: None) == Placement("a")


def test_a_policy_may_leave_everyone_out() -> None:
    assert choose(PLAIN, [executor("a")], now=NOW, rank=lambda _: []) == Placement(
        None, "the scheduling policy left out every executor"
    )


# --- always

candidates = st.lists(
    st.builds(
        Candidate,
        id=st.sampled_from("abcdef"),
        archs=st.lists(st.sampled_from(["amd64", "arm64"]), max_size=2, unique=True),
        last_seen=st.sampled_from([NOW, 0.0]),
        labels=st.dictionaries(st.just("gpu"), st.sampled_from(["yes", "no"])),
        limit=st.none() | st.integers(0, 3),
        active=st.integers(0, 4),
        allow_privileged=st.booleans(),
        draining=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)
tasks = st.builds(
    TaskConfig,
    id=st.just("t"),
    name=st.just("task"),
    arch=st.sampled_from(["", "arm64"]),
    labels=st.dictionaries(st.just("gpu"), st.just("yes")),
    containers=st.sampled_from([PLAIN.containers, PRIVILEGED.containers]),
)


@given(tasks, candidates)
def test_whoever_is_chosen_fits_and_nobody_is_chosen_only_when_nobody_fits(
    task: TaskConfig, executors: list[Candidate]
) -> None:
    def able(one: Candidate) -> bool:
        return (
            one.last_seen == NOW
            and (not task.arch or task.arch in one.archs)
            and task.labels.items() <= one.labels.items()
            and (task.containers == PLAIN.containers or one.allow_privileged)
        )

    def takes(one: Candidate) -> bool:
        return able(one) and not one.draining and (one.limit is None or one.active < one.limit)

    chosen = placed(task, *executors)
    assert chosen == placed(task, *reversed(executors))
    assert (chosen.executor_id is None) == (not any(map(takes, executors)))
    assert (chosen.reason == "") == (chosen.executor_id is not None)
    alive = any(one.last_seen == NOW for one in executors)
    assert chosen.permanent == (alive and not any(map(able, executors)))
    if chosen.executor_id:
        assert takes(next(one for one in executors if one.id == chosen.executor_id))
