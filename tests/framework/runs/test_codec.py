import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import Internal
from ostler.runs import codec
from ostler.runs.config import Condition, Dependency, RunConfig, StepConfig, TaskConfig
from ostler.runs.model import OutputPhase, Phase, Result, Run, Status, Step, StepPhase, Task
from ostler.spi.executor import ContainerConfig, RegistryAuth, Volume

names = st.text(max_size=8)
strings = st.dictionaries(names, names, max_size=3)
times = st.none() | st.floats(0, 2e9)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)

steps = st.builds(
    Step,
    phase=st.sampled_from(StepPhase),
    start_time=times,
    end_time=times,
    exit_code=st.none() | st.integers(0, 255),
    log=st.sampled_from(OutputPhase),
    archive=st.none() | st.sampled_from(OutputPhase),
)
tasks = st.builds(
    Task,
    id=names,
    status=st.sampled_from(Status),
    waiting_approval=st.booleans(),
    approved=st.booleans(),
    annotations=strings,
    setup=steps,
    steps=st.lists(steps, max_size=3).map(tuple),
    start_time=times,
    end_time=times,
    reason=names,
)
runs = st.builds(
    Run,
    id=names,
    config_id=names,
    name=names,
    counter=st.integers(0),
    group=names,
    phase=st.sampled_from(Phase),
    result=st.sampled_from(Result),
    stop=st.booleans(),
    annotations=strings,
    tasks=st.lists(tasks, max_size=2).map(lambda found: {task.id: task for task in found}),
    enqueue_time=times,
    start_time=times,
    end_time=times,
    archived=st.booleans(),
    revision=st.integers(0),
)
containers = st.builds(
    ContainerConfig,
    image=names,
    environment=strings,
    user=names,
    privileged=st.booleans(),
    entrypoint=st.lists(names, max_size=2).map(tuple),
    volumes=st.lists(
        st.builds(Volume, path=names, size=st.none() | st.integers(0)), max_size=2
    ).map(tuple),
)
task_configs = st.builds(
    TaskConfig,
    id=names,
    name=names,
    level=st.integers(0, 9),
    depends=st.lists(
        st.builds(Dependency, names, st.frozensets(st.sampled_from(Condition))), max_size=2
    ).map(tuple),
    arch=names,
    labels=strings,
    containers=st.lists(containers, max_size=2).map(tuple),
    registries_auth=st.dictionaries(
        names,
        st.builds(RegistryAuth, type=names, username=names, password=names, auth=names),
        max_size=2,
    ),
    environment=strings,
    secrets=st.lists(names, max_size=2).map(tuple),
    working_dir=names,
    shell=names,
    user=names,
    steps=st.lists(
        st.builds(
            StepConfig,
            type=names,
            name=names,
            config=st.dictionaries(names, json_values, max_size=2),
            archives=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    approval=st.booleans(),
    approvals=st.none() | st.integers(0, 5),
    ignore_failure=st.booleans(),
    timeout=st.none() | st.floats(0, 1e6),
    skip=st.booleans(),
)
configs = st.builds(
    RunConfig,
    id=names,
    name=names,
    tasks=st.lists(task_configs, max_size=3, unique_by=lambda task: task.id).map(
        lambda found: {task.id: task for task in found}
    ),
    environment=strings,
    setup_errors=st.lists(names, max_size=2).map(tuple),
)


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


@given(configs)
def test_a_run_config_comes_back(config: RunConfig) -> None:
    actual = codec.decode_config(through_json(codec.encode_config(config)))
    assert (config, list(config.tasks)) == (actual, list(actual.tasks))


@given(task_configs)
def test_a_task_config_comes_back(task: TaskConfig) -> None:
    assert task == codec.decode_task_config(through_json(codec.encode_task_config(task)))


@given(runs)
def test_a_run_comes_back(run: Run) -> None:
    data = through_json(codec.encode_run(run))
    assert run == codec.decode_run(data, tasks=run.tasks, revision=run.revision)


@given(tasks)
def test_a_task_comes_back(task: Task) -> None:
    assert task == codec.decode_task(through_json(codec.encode_task(task)))


@given(steps)
def test_a_step_comes_back(step: Step) -> None:
    assert step == codec.decode_step(through_json(codec.encode_step(step)))


def test_defaults_take_no_room() -> None:
    assert codec.encode_task(Task(id="t", steps=(Step(), Step()))) == {"id": "t", "steps": [{}, {}]}


def test_a_run_is_encoded_without_tasks_and_revision() -> None:
    run = Run(id="r", config_id="c", name="n", tasks={"t": Task(id="t")}, revision=7)
    assert codec.encode_run(run) == {"id": "r", "config_id": "c", "name": "n"}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": "t", "status": "sleeping"},
        {"id": "t", "colour": "red"},
        {"id": "t", "steps": 5},
        {"id": "t", "setup": [1]},
    ],
)
def test_damaged_data_are_an_internal_error(data: dict[str, Any]) -> None:
    with pytest.raises(Internal, match="cannot read a stored task"):
        codec.decode_task(data)


def test_every_field_of_every_value_has_its_place() -> None:
    coded = {name for codec_ in (codec._TASK, codec._STEP) for name in codec_._decoders}
    assert set(Task.__dataclass_fields__) | set(Step.__dataclass_fields__) == coded
    assert set(TaskConfig.__dataclass_fields__) == set(codec._TASK_CONFIG._decoders)
    assert set(RunConfig.__dataclass_fields__) == set(codec._CONFIG._decoders)
    assert set(Run.__dataclass_fields__) - {"tasks", "revision"} == set(codec._RUN._decoders)
