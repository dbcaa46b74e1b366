"""What must hold of every run, whatever its graph and whatever happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.runs.config import RunConfig
from ostler.runs.model import Phase, Result

from .strategies import allowed, configs
from .world import World


@settings(max_examples=250, deadline=None)
@given(config=configs(), data=st.data(), may_stop=st.booleans())
def test_every_run_ends_and_every_end_follows_from_the_parents(
    config: RunConfig, data: st.DataObject, may_stop: bool
) -> None:
    world = World(config, data, may_stop=may_stop)
    run = world.live()

    assert run.phase is Phase.FINISHED
    assert run.end_time is not None
    assert not any(task.waiting_approval for task in run.tasks.values())
    status = {task_id: task.status for task_id, task in run.tasks.items()}
    failed = run.result is Result.FAILED
    for task_id, task in config.tasks.items():
        options = allowed(task, status, world.reported, stopped=run.stop, failed=failed)
        assert status[task_id] in options
