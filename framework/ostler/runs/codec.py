"""Run configs and run states as JSON-ready dicts, and back.

What equals its default is left out, so that small states stay small. A reader
of a later format meets names that it does not know: that is an error, never
silently dropped state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

from ostler.errors import Internal
from ostler.spi.executor import ContainerConfig, RegistryAuth, Volume

from .config import Condition, Dependency, RunConfig, StepConfig, TaskConfig
from .model import OutputPhase, Phase, Result, Run, Status, Step, StepPhase, Task

__all__ = [
    "decode_config",
    "decode_run",
    "decode_step",
    "decode_task",
    "decode_task_config",
    "encode_config",
    "encode_run",
    "encode_step",
    "encode_task",
    "encode_task_config",
]

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Convert = Callable[[Any], Any]

_REQUIRED = object()


class _Field(NamedTuple):
    """One field: its name, the value to leave out, and how it is turned into JSON and back."""

    name: str
    default: Any = _REQUIRED
    encode: Convert | None = None
    decode: Convert | None = None


class _Codec(Generic[T]):
    """Turns values of one dataclass into dicts and back."""

    def __init__(self, cls: Callable[..., T], *fields: _Field) -> None:
        self._cls = cls
        self._fields = fields
        self._decoders = {field.name: field.decode for field in fields}

    def encode(self, value: T) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, default, encode, _ in self._fields:
            item = getattr(value, name)
            if item is not default and item != default:
                out[name] = item if encode is None else encode(item)
        return out

    def decode(self, data: Mapping[str, Any], **more: Any) -> T:
        decoders = self._decoders
        for name, item in data.items():
            decode = decoders[name]
            more[name] = item if decode is None else decode(item)
        return self._cls(**more)


def _enum(cls: type[E], name: str, default: Any) -> _Field:
    members = {member.value: member for member in cls}
    return _Field(name, default, _value_of, members.__getitem__)


def _value_of(member: Enum) -> Any:
    return member.value


def _mapping(name: str) -> _Field:
    return _Field(name, {}, dict)


def _sequence(name: str) -> _Field:
    return _Field(name, (), list, tuple)


def _many(name: str, codec: _Codec[Any], default: Any = ()) -> _Field:
    def encode(items: Any) -> list[Any]:
        return [codec.encode(item) for item in items]

    def decode(items: Any) -> tuple[Any, ...]:
        return tuple(codec.decode(item) for item in items)

    return _Field(name, default, encode, decode)


def _by_name(name: str, codec: _Codec[Any]) -> _Field:
    def encode(items: Any) -> dict[str, Any]:
        return {key: codec.encode(item) for key, item in items.items()}

    def decode(items: Any) -> dict[str, Any]:
        return {key: codec.decode(item) for key, item in items.items()}

    return _Field(name, {}, encode, decode)


def _encode_conditions(conditions: frozenset[Condition]) -> list[str]:
    return sorted(condition.value for condition in conditions)


def _decode_conditions(values: list[str]) -> frozenset[Condition]:
    return frozenset(map(Condition, values))


_VOLUME = _Codec(Volume, _Field("path"), _Field("size", None))

_CONTAINER = _Codec(
    ContainerConfig,
    _Field("image", ""),
    _mapping("environment"),
    _Field("user", ""),
    _Field("privileged", False),
    _sequence("entrypoint"),
    _many("volumes", _VOLUME),
)

_REGISTRY_AUTH = _Codec(
    RegistryAuth,
    _Field("type", "basic"),
    _Field("username", ""),
    _Field("password", ""),
    _Field("auth", ""),
)

_DEPENDENCY = _Codec(
    Dependency,
    _Field("task_id"),
    _Field("conditions", frozenset({Condition.ON_SUCCESS}), _encode_conditions, _decode_conditions),
)

_STEP_CONFIG = _Codec(
    StepConfig,
    _Field("type"),
    _Field("name"),
    _mapping("config"),
    _Field("archives", False),
)

_TASK_CONFIG = _Codec(
    TaskConfig,
    _Field("id"),
    _Field("name"),
    _Field("level", 0),
    _many("depends", _DEPENDENCY),
    _Field("arch", ""),
    _mapping("labels"),
    _many("containers", _CONTAINER, (ContainerConfig(),)),
    _by_name("registries_auth", _REGISTRY_AUTH),
    _mapping("environment"),
    _sequence("secrets"),
    _Field("working_dir", "~/project"),
    _Field("shell", "/bin/sh -e"),
    _Field("user", ""),
    _many("steps", _STEP_CONFIG),
    _Field("approval", False),
    _Field("approvals", None),
    _Field("ignore_failure", False),
    _Field("timeout", None),
    _Field("skip", False),
)


def _encode_tasks(tasks: Mapping[str, TaskConfig]) -> list[Any]:
    return [_TASK_CONFIG.encode(task) for task in tasks.values()]


def _decode_tasks(items: list[Any]) -> dict[str, TaskConfig]:
    return {task.id: task for task in map(_TASK_CONFIG.decode, items)}


_CONFIG = _Codec(
    RunConfig,
    _Field("id"),
    _Field("name"),
    _Field("tasks", _REQUIRED, _encode_tasks, _decode_tasks),
    _mapping("environment"),
    _sequence("setup_errors"),
)

_STEP = _Codec(
    Step,
    _enum(StepPhase, "phase", StepPhase.NOTSTARTED),
    _Field("start_time", None),
    _Field("end_time", None),
    _Field("exit_code", None),
    _enum(OutputPhase, "log", OutputPhase.NOTSTARTED),
    _enum(OutputPhase, "archive", None),
)

_TASK = _Codec(
    Task,
    _Field("id"),
    _enum(Status, "status", Status.NOTSTARTED),
    _Field("waiting_approval", False),
    _Field("approved", False),
    _mapping("annotations"),
    _Field("setup", Step(), _STEP.encode, _STEP.decode),
    _many("steps", _STEP),
    _Field("start_time", None),
    _Field("end_time", None),
    _Field("reason", ""),
)

_RUN = _Codec(
    Run,
    _Field("id"),
    _Field("config_id"),
    _Field("name"),
    _Field("counter", 0),
    _Field("group", ""),
    _enum(Phase, "phase", Phase.QUEUED),
    _enum(Result, "result", Result.UNKNOWN),
    _Field("stop", False),
    _mapping("annotations"),
    _Field("enqueue_time", None),
    _Field("start_time", None),
    _Field("end_time", None),
    _Field("archived", False),
)


def encode_config(config: RunConfig) -> dict[str, Any]:
    """Return a run config as JSON-ready data; its tasks as a list, in their order."""
    return _CONFIG.encode(config)


def decode_config(data: Mapping[str, Any]) -> RunConfig:
    """Rebuild what `encode_config` gave.

    :raises Internal: the data are damaged or of another version.
    """
    return _decode(_CONFIG, data, "run config")


def encode_task_config(task: TaskConfig) -> dict[str, Any]:
    """Return the configuration of one task as JSON-ready data."""
    return _TASK_CONFIG.encode(task)


def decode_task_config(data: Mapping[str, Any]) -> TaskConfig:
    """Rebuild what `encode_task_config` gave.

    :raises Internal: the data are damaged or of another version.
    """
    return _decode(_TASK_CONFIG, data, "task config")


def encode_run(run: Run) -> dict[str, Any]:
    """Return the state of a run as JSON-ready data, without its tasks and its revision."""
    return _RUN.encode(run)


def decode_run(data: Mapping[str, Any], *, tasks: Mapping[str, Task], revision: int) -> Run:
    """Rebuild what `encode_run` gave, with the tasks and the revision that were stored apart.

    :raises Internal: the data are damaged or of another version.
    """
    return _decode(_RUN, data, "run", tasks=tasks, revision=revision)


def encode_task(task: Task) -> dict[str, Any]:
    """Return the state of a task as JSON-ready data."""
    return _TASK.encode(task)


def decode_task(data: Mapping[str, Any]) -> Task:
    """Rebuild what `encode_task` gave.

    :raises Internal: the data are damaged or of another version.
    """
    return _decode(_TASK, data, "task")


def encode_step(step: Step) -> dict[str, Any]:
    """Return the state of a step as JSON-ready data."""
    return _STEP.encode(step)


def decode_step(data: Mapping[str, Any]) -> Step:
    """Rebuild what `encode_step` gave.

    :raises Internal: the data are damaged or of another version.
    """
    return _decode(_STEP, data, "step")


def _decode(codec: _Codec[T], data: Mapping[str, Any], what: str, **more: Any) -> T:
    try:
        return codec.decode(data, **more)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Internal(
            f"cannot read a stored {what}: {error!r}; it is damaged, or another version wrote it"
        ) from error
