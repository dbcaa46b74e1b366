from dataclasses import replace

from ostler.runs import actions
from ostler.runs.creation import new_run
from ostler.runs.views import run_view, task_view
from ostler.spi.executor import ContainerConfig
from ostler.spi.runs import RunView, TaskView

from .strategies import graph, task

CONFIG = graph(
    task(
        "a",
        arch="arm64",
        labels={"gpu": "yes"},
        approvals=2,
        containers=(ContainerConfig(), ContainerConfig(privileged=True)),
    ),
    task("b"),
)
RUN = new_run(CONFIG, run_id="r", group="/project/x", annotations={"who": "ada"})


def test_a_run_is_shown_with_plain_words() -> None:
    assert run_view(replace(RUN, counter=3)) == RunView(
        id="r",
        name="random",
        counter=3,
        group="/project/x",
        phase="queued",
        result="unknown",
        annotations={"who": "ada"},
    )


def test_a_task_is_shown_with_what_it_asks_for() -> None:
    run = actions.set_annotations(RUN, "a", {"k": "v"})
    assert task_view(run, CONFIG, "a") == TaskView(
        id="a",
        run_id="r",
        name="a",
        arch="arm64",
        labels={"gpu": "yes"},
        privileged=True,
        annotations={"k": "v"},
        approvals=2,
    )
    assert not task_view(run, CONFIG, "b").privileged
