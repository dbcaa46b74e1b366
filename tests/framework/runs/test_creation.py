from dataclasses import replace

from ostler.runs.config import StepConfig
from ostler.runs.creation import new_run, new_task
from ostler.runs.model import OutputPhase, Phase, Run, Step, Task

from .strategies import graph, task

STEPS = (StepConfig(type="run", name=""), StepConfig(type="save", name="", archives=True))
CONFIG = graph(task("a", steps=STEPS), task("b", skip=True))


def test_a_run_begins_queued_with_every_task_fresh() -> None:
    assert new_run(CONFIG, run_id="r", group="/project/x") == Run(
        id="r",
        config_id="config",
        name="random",
        group="/project/x",
        tasks={"a": new_task(CONFIG.tasks["a"]), "b": Task(id="b")},
    )


def test_a_task_begins_with_a_state_for_every_step() -> None:
    expected = (Step(), Step(archive=OutputPhase.NOTSTARTED))
    assert new_task(CONFIG.tasks["a"]) == Task(id="a", steps=expected)


def test_a_run_of_a_config_with_errors_is_a_setup_error() -> None:
    wrong = replace(CONFIG, setup_errors=("no such step type",))
    assert new_run(wrong, run_id="r", group="/project/x").phase is Phase.SETUPERROR
