from __future__ import annotations

import pytest

from ostler.runs.config import Dependency, RunConfig, StepConfig, TaskConfig
from ostler.services.api import WorkspaceArchive
from ostler.services.runservice import root_group
from ostler.services.runservice.ancestry import Ancestry
from ostler.services.runservice.waiting import Waiting

SAVE = StepConfig(type="save_to_workspace", name="save", archives=True)
RUN = StepConfig(type="run", name="run")


def task(
    name: str, level: int, *parents: str, steps: tuple[StepConfig, ...] = (RUN,)
) -> TaskConfig:
    depends = tuple(Dependency(parent) for parent in parents)
    return TaskConfig(id=f"id-{name}", name=name, level=level, depends=depends, steps=steps)


def test_archives_of_all_ancestors_come_by_level_then_name_then_step() -> None:
    tasks = [
        task("b", 0, steps=(SAVE,)),
        task("a", 0, steps=(RUN, SAVE, SAVE)),
        task("plain", 1, "id-a", "id-b"),
        task("mid", 2, "id-plain", steps=(SAVE,)),
        task("beside", 0, steps=(SAVE,)),
        task("end", 3, "id-mid"),
    ]
    config = RunConfig(id="c", name="r", tasks={one.id: one for one in tasks})
    ancestry = Ancestry(config)
    assert ancestry.archives("id-a") == ()
    assert ancestry.archives("id-end") == (
        WorkspaceArchive("a", "id-a", 1),
        WorkspaceArchive("a", "id-a", 2),
        WorkspaceArchive("b", "id-b", 0),
        WorkspaceArchive("mid", "id-mid", 0),
    )


def test_a_task_that_cannot_be_placed_holds_up_its_own_kind_only() -> None:
    waiting = Waiting()
    arm = [TaskConfig(id=f"arm{number}", name="", arch="arm64") for number in range(3)]
    any_ = [TaskConfig(id=f"any{number}", name="") for number in range(2)]
    waiting.add([arm[0], any_[0], arm[1], any_[1], arm[2]])
    asked: list[str] = []

    def place(one: TaskConfig) -> bool:
        asked.append(one.id)
        return not one.arch

    waiting.take(place)
    assert asked == ["arm0", "any0", "any1"]
    assert waiting
    waiting.take(lambda one: True)
    assert not waiting


@pytest.mark.parametrize(
    ("group", "root"),
    [("/project/x/branch/y", "/project/x"), ("/project/x", "/project/x"), ("/a", "/a")],
)
def test_the_root_group_is_the_first_two_parts(group: str, root: str) -> None:
    assert root_group(group) == root
