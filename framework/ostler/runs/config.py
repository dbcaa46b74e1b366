"""A run config: what to run. Complete and resolved; it never changes once a run exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ostler.spi.executor import ContainerConfig, RegistryAuth

__all__ = ["Condition", "Dependency", "RunConfig", "StepConfig", "TaskConfig"]


class Condition(Enum):
    """How a parent must have ended for a dependency on it to be satisfied."""

    ON_SUCCESS = "on_success"
    ON_FAILURE = "on_failure"
    ON_SKIPPED = "on_skipped"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency on another task of the run: any one of the conditions satisfies it."""

    task_id: str
    conditions: frozenset[Condition] = frozenset({Condition.ON_SUCCESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepConfig:
    """A step.

    :param type: name of its step type.
    :param config: the step type's own model, as JSON-like data without ``name``.
    :param archives: whether it leaves a workspace archive.
    """

    type: str
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    archives: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """A task.

    :param id: unique over all runs; shared only by runs that share the task's outcome.
    :param level: 0 without dependencies, else one more than the highest of its parents.
    :param environment: values, variables substituted.
    :param secrets: values to be masked in logs.
    :param timeout: seconds for the whole task, pod start included; None: no limit.
    :param skip: its ``when`` does not match.
    :param approvals: approvers needed when ``approval``; None: the instance's default.
    """

    id: str
    name: str
    level: int = 0
    depends: tuple[Dependency, ...] = ()
    arch: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[ContainerConfig, ...] = (ContainerConfig(),)
    registries_auth: Mapping[str, RegistryAuth] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    working_dir: str = "~/project"
    shell: str = "/bin/sh -e"
    user: str = ""
    steps: tuple[StepConfig, ...] = ()
    approval: bool = False
    approvals: int | None = None
    ignore_failure: bool = False
    timeout: float | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A run config.

    :param tasks: by task id, in the order of the file.
    :param environment: variables of the run, given to every task.
    :param setup_errors: why it cannot run; a run of it is a ``setuperror``.
    """

    id: str
    name: str
    tasks: Mapping[str, TaskConfig]
    environment: Mapping[str, str] = field(default_factory=dict)
    setup_errors: tuple[str, ...] = ()
