import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ostler.runs.config import Condition, Dependency, StepConfig, TaskConfig
from ostler.runs.reader import ConfigError, ParsedRun, Source, resolve
from ostler.spi.executor import ContainerConfig, RegistryAuth, Volume

from .conftest import Read


def config(*tasks: Mapping[str, Any], **run: Any) -> str:
    runs = [{"name": "ci", "tasks": list(tasks), **run}]
    return json.dumps({"runs": runs}, ensure_ascii=False)


def only(run_file: Any) -> TaskConfig:
    [run] = run_file.runs
    [task] = run.tasks
    found: TaskConfig = task
    return found


def test_the_least_of_a_config(read: Read) -> None:
    [run] = read(config({"name": "build"})).runs
    assert ParsedRun(name="ci", tasks=(TaskConfig(id="build", name="build"),)) == run


def test_every_key_of_a_task(read: Read) -> None:
    task = only(
        read(
            config(
                {
                    "name": "build",
                    "runtime": {
                        "type": "pod",
                        "arch": "arm64",
                        "labels": {"disk": "fast"},
                        "containers": [
                            {"image": "python:3.12"},
                            {
                                "image": "postgres:16",
                                "environment": {"PASSWORD": {"from_variable": "pw"}},
                                "user": "postgres",
                                "privileged": True,
                                "entrypoint": "sh -c 'exec postgres'",
                                "volumes": [
                                    {"path": "/a", "tmpfs": {"size": "1.5Gi"}},
                                    {"path": "/b", "tmpfs": {}},
                                ],
                            },
                        ],
                    },
                    "environment": {"A": "b", "TOKEN": {"from_variable": "token"}},
                    "working_dir": "~/src",
                    "shell": "/bin/bash -e",
                    "user": "builder",
                    "steps": [{"run": "make"}],
                    "approval": True,
                    "approvals": 2,
                    "ignore_failure": True,
                    "task_timeout_interval": "1h30m",
                    "docker_registries_auth": {
                        "index.docker.io": {"username": "u", "password": {"from_variable": "pw"}},
                        "quay.io": {"type": "encodedauth", "auth": "YTpi"},
                    },
                }
            ),
            variables={"token": "t0ken", "pw": "s3cret"},
        )
    )
    postgres = ContainerConfig(
        image="postgres:16",
        environment={"PASSWORD": "s3cret"},
        user="postgres",
        privileged=True,
        entrypoint=("sh", "-c", "exec postgres"),
        volumes=(Volume(path="/a", size=3 << 29), Volume(path="/b")),
    )
    expected = TaskConfig(
        id="build",
        name="build",
        arch="arm64",
        labels={"disk": "fast"},
        containers=(ContainerConfig(image="python:3.12"), postgres),
        environment={"A": "b", "TOKEN": "t0ken"},
        registries_auth={
            "index.docker.io": RegistryAuth(type="basic", username="u", password="s3cret"),
            "quay.io": RegistryAuth(type="encoded", auth="YTpi"),
        },
        secrets=task.secrets,
        working_dir="~/src",
        shell="/bin/bash -e",
        user="builder",
        steps=task.steps,
        approval=True,
        approvals=2,
        ignore_failure=True,
        timeout=5400.0,
    )
    assert expected == task
    assert sorted(task.secrets) == ["s3cret", "t0ken"]


MAKE = {"command": "make", "environment": {}, "working_dir": "", "tty": True}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"run": "make"}, StepConfig(type="run", name="make", config=MAKE)),
        ({"run": {"command": "make"}}, StepConfig(type="run", name="make", config=MAKE)),
        ({"type": "run", "command": "make"}, StepConfig(type="run", name="make", config=MAKE)),
        (
            {"run": {"name": "build", "command": "make", "tty": False}},
            StepConfig(type="run", name="build", config={**MAKE, "tty": False}),
        ),
        (
            {"run": "\ncd src\nmake"},
            StepConfig(type="run", name="cd src", config={**MAKE, "command": "\ncd src\nmake"}),
        ),
        (
            {"clone": None},
            StepConfig(
                type="clone",
                name="the clone step",
                config={"depth": None, "recurse_submodules": False},
            ),
        ),
        (
            {"save_to_workspace": {"contents": [{"paths": ["*"]}]}},
            StepConfig(
                type="save_to_workspace",
                name="the save_to_workspace step",
                config={"contents": [{"source_dir": ".", "paths": ["*"]}]},
                archives=True,
            ),
        ),
    ],
)
def test_the_forms_of_a_step(step: object, expected: StepConfig, read: Read) -> None:
    assert (expected,) == only(read(config({"name": "build", "steps": [step]}))).steps


def test_a_variable_in_the_environment_of_a_step_is_a_secret(read: Read) -> None:
    step = {"run": {"command": "make", "environment": {"T": {"from_variable": "t"}, "E": "f"}}}
    task = only(read(config({"name": "b", "steps": [step]}), variables={"t": "s3cret"}))
    assert task.steps[0].config["environment"] == {"T": "s3cret", "E": "f"}
    assert task.secrets == ("s3cret",)


def test_an_empty_variable_is_set_and_is_no_secret(read: Read) -> None:
    environment = {"T": {"from_variable": "t"}}
    task = only(read(config({"name": "b", "environment": environment}), variables={"t": ""}))
    assert (task.environment, task.secrets) == ({"T": ""}, ())


def test_credentials_of_the_file_and_the_run_are_those_of_the_task_unless_it_has_its_own(
    read: Read,
) -> None:
    def auth(variable: str) -> dict[str, Any]:
        return {"username": "u", "password": {"from_variable": variable}}

    run = {
        "name": "ci",
        "docker_registries_auth": {"b": auth("run"), "c": auth("run")},
        "tasks": [{"name": "x", "docker_registries_auth": {"c": auth("task")}}, {"name": "y"}],
    }
    text = json.dumps(
        {"runs": [run], "docker_registries_auth": {"a": auth("file"), "b": auth("file")}}
    )
    [parsed] = read(text, variables={"file": "1", "run": "2", "task": "3"}).runs
    passwords = [
        {host: one.password for host, one in task.registries_auth.items()} for task in parsed.tasks
    ]
    assert passwords == [{"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "2", "c": "2"}]
    assert [task.secrets for task in parsed.tasks] == [("1", "2", "3"), ("1", "2")]


def test_the_forms_of_a_dependency(read: Read) -> None:
    depends = [
        "a",
        {"task": "b", "conditions": ["on_success", "on_skipped"]},
        {"c": ["on_failure"]},
        {"task": "d"},
        {"task": ["on_skipped"]},
        {"e": []},
    ]
    names = ["a", "b", "c", "d", "task", "e"]
    tasks = [{"name": name} for name in names]
    [run] = read(config(*tasks, {"name": "last", "depends": depends})).runs
    success = frozenset({Condition.ON_SUCCESS})
    expected = (
        Dependency("a", success),
        Dependency("b", frozenset({Condition.ON_SUCCESS, Condition.ON_SKIPPED})),
        Dependency("c", frozenset({Condition.ON_FAILURE})),
        Dependency("d", success),
        Dependency("task", frozenset({Condition.ON_SKIPPED})),
        Dependency("e", success),
    )
    assert expected == run.tasks[-1].depends


@pytest.mark.parametrize("length", [2, 3, 5])
def test_a_task_may_depend_on_a_task_and_on_all_its_ancestors(length: int, read: Read) -> None:
    tasks = [
        {"name": f"t{number}", "depends": [f"t{earlier}" for earlier in range(number)]}
        for number in range(length)
    ]
    [run] = read(config(*tasks)).runs
    assert [task.level for task in run.tasks] == list(range(length))


def test_runs_and_tasks_and_steps_have_a_when(read: Read) -> None:
    when = {"branch": {"include": ["main"], "exclude": []}}
    step = {"type": "run", "command": "deploy", "when": when}
    task = {"name": "a", "steps": ["run", step], "when": when}
    task["steps"] = [{"run": "make"}, step]
    text = config(task, when=when)
    [here] = read(text, source=Source(branch="main")).runs
    [there] = read(text, source=Source(branch="dev")).runs
    assert (here.matches, here.tasks[0].skip, len(here.tasks[0].steps)) == (True, False, 2)
    assert (there.matches, there.tasks[0].skip, len(there.tasks[0].steps)) == (False, True, 1)


@pytest.mark.parametrize("place", ["run", "task"])
def test_variables_of_what_does_not_run_need_not_be_set(place: str, read: Read) -> None:
    when = {"tag": "/v.*/"}
    task: dict[str, Any] = {"name": "a", "environment": {"T": {"from_variable": "t"}}}
    text = config(task, when=when) if place == "run" else config({**task, "when": when})
    assert read(text).runs
    with pytest.raises(ConfigError, match='variable "t" is not set'):
        read(text, source=Source(tag="v1"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600.0), ("1h30m", 5400.0), ("90s", 90.0), ("1.5h", 5400.0), ("250ms", 0.25)],
)
def test_durations(text: str, seconds: float, read: Read) -> None:
    task = only(read(config({"name": "a", "task_timeout_interval": text})))
    assert task.timeout == seconds


@pytest.mark.parametrize("text", ["10", "", "m", "10 m", "-1m", "0s", "1d", "10m5", 10, None, True])
def test_wrong_durations(text: object, read: Read) -> None:
    if text is None:
        assert only(read(config({"name": "a", "task_timeout_interval": text}))).timeout is None
        return
    with pytest.raises(ConfigError, match="must be a duration"):
        read(config({"name": "a", "task_timeout_interval": text}))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1024, 1024),
        ("1024", 1024),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2G", 2 * 10**9),
        ("0.5Mi", 1 << 19),
    ],
)
def test_sizes(size: object, expected: int, read: Read) -> None:
    volume = {"path": "/tmp", "tmpfs": {"size": size}}
    task = only(read(config({"name": "a", "runtime": {"containers": [{"volumes": [volume]}]}})))
    assert task.containers[0].volumes == (Volume(path="/tmp", size=expected),)


def test_empty_keys_are_as_if_left_out(read: Read) -> None:
    text = "version: v0\nruns:\n- name: ci\n  when:\n  tasks:\n  - name: a\n    runtime:\n    environment:\n"
    text += "    steps:\n    depends:\n    when:\n    user: ''\n"
    assert TaskConfig(id="a", name="a") == only(read(text))


def test_an_unknown_key_of_a_step_is_told_also_when_it_is_empty(read: Read) -> None:
    text = 'runs: [{name: ci, tasks: [{name: a, steps: [{run: {command: say "hello, ann"}}]}]}]'
    with pytest.raises(ConfigError, match='unknown key "ann\\""'):
        read(text)


def test_anchors_and_merge_keys(read: Read) -> None:
    text = """
    runs:
    - name: ci
      tasks:
      - &base
        name: a
        user: builder
        environment: &env {A: b}
      - <<: *base
        name: b
        environment: {<<: *env, C: d}
    """
    [run] = read(text).runs
    assert [(task.name, task.user, task.environment) for task in run.tasks] == [
        ("a", "builder", {"A": "b"}),
        ("b", "builder", {"A": "b", "C": "d"}),
    ]


def test_resolving_gives_ids_to_the_run_and_its_tasks(read: Read) -> None:
    [run] = read(config({"name": "a"}, {"name": "b", "depends": ["a"]})).runs
    numbers = itertools.count()
    resolved = resolve(run, new_id=lambda: f"id{next(numbers)}", environment={"CI": "true"})
    assert resolved.environment == {"CI": "true"}
    assert (resolved.id, resolved.name, list(resolved.tasks)) == ("id0", "ci", ["id1", "id2"])
    expected = TaskConfig(id="id2", name="b", level=1, depends=(Dependency("id1"),))
    assert expected == resolved.tasks["id2"]


def test_the_steps_of_a_run_are_those_of_tasks_that_run(read: Read) -> None:
    steps = [{"run": "make"}, {"clone": None}]
    skipped = {"name": "b", "steps": steps, "when": {"tag": "v1"}}
    [run] = read(config({"name": "a", "steps": steps}, skipped)).runs
    assert [step.type for step in run.steps()] == ["run", "clone"]


def test_names_may_have_any_printable_character(read: Read) -> None:
    [run] = read(config({"name": "a/b: ü 🚀"}, {"name": "c", "depends": ["a/b: ü 🚀"]})).runs
    assert [task.level for task in run.tasks] == [0, 1]


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "\x1b[31m", "a\0", "\ud800"])
def test_other_characters_are_refused(name: str, read: Read, tmp_path: Any) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"runs": [{"name": "ci", "tasks": [{"name": name}]}]}))
    with pytest.raises(ConfigError):
        read(path=path)


def test_ten_thousand_tasks_in_a_chain(read: Read) -> None:
    tasks = [
        {"name": f"t{n}", "steps": [{"run": f"echo {n}"}], "depends": [f"t{n - 1}"] if n else []}
        for n in range(10_000)
    ]
    [run] = read(config(*tasks)).runs
    assert [task.level for task in run.tasks] == list(range(10_000))
