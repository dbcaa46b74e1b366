"""What all tasks of an executor have in common."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostler.clock import Clock
from ostler.errors import BadRequest, innermost
from ostler.runs.config import StepConfig
from ostler.services.api import RunserviceForExecutors, TaskReport
from ostler.spi.executor import ExecutorDriver
from ostler.spi.info import load_reference
from ostler.spi.steps import StepContext, StepModel, StepType

from .deadlines import Deadlines

__all__ = ["Listener", "Shared", "StepRunner", "StepTypes"]

_LOG = logging.getLogger(__name__)

Listener = Callable[[TaskReport], None]
"""Is told of every state of a task, in the thread of its worker: must be quick."""

StepRunner = Callable[[StepContext], int]


class StepTypes:
    """The step types that this executor knows, each loaded when it is first used."""

    def __init__(self, types: Mapping[str, StepType]) -> None:
        self._types = types
        self._loaded: dict[str, tuple[type[StepModel], Callable[[Any, StepContext], int]]] = {}

    def runner(self, step: StepConfig) -> StepRunner:
        """Return what runs a step.

        :raises BadRequest: its type is unknown here, or its configuration is wrong.
        """
        model, run = self._loaded.get(step.type) or self._load(step.type)
        try:
            config = model(**step.config, name=step.name)
        except ValueError as error:
            raise BadRequest(f"step {step.name!r} is not a {step.type} step: {error}") from error
        return lambda context: run(config, context)

    def _load(self, name: str) -> tuple[type[StepModel], Callable[[Any, StepContext], int]]:
        found = self._types.get(name)
        if found is None:
            raise BadRequest(
                f"this executor knows no step type {name!r}: install the plugin that offers it "
                "where the executor runs"
            )
        loaded = load_reference(found.model), load_reference(found.run)
        self._loaded[name] = loaded
        return loaded


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The parts that every task works with.

    :param directory: the executor's.
    :param grace: seconds between asking a process to end and killing it.
    :param closing: set when the executor ends: nobody waits for anything any more.
    """

    executor_id: str
    driver: ExecutorDriver
    client: RunserviceForExecutors
    clock: Clock
    step_types: StepTypes
    deadlines: Deadlines
    directory: Path
    grace: float
    listener: Listener | None = None
    closing: threading.Event = field(default_factory=threading.Event)

    def tell(self, report: Callable[[], TaskReport]) -> None:
        """Tell the listener, if there is one, of a task's state. Never raises."""
        if self.listener is None:
            return
        try:
            self.listener(report())
        except Exception:
            _LOG.exception("a listener failed, and missed a state of a task")

    def describe(self, error: BaseException, what: str) -> str:
        """Return what a person is told of an error; a defect goes to the service's log in full."""
        typed = innermost(error)
        if typed is not None:
            return typed.message
        number = self.clock.new_id()
        _LOG.error("%s failed by a defect (id %s)", what, number, exc_info=error)
        return f"internal error; the executor's log has the details under the id {number}"

    def backoff(self, attempt: int) -> float:
        """Return how long to wait after attempt number ``attempt``, from 0: seconds, with full jitter."""
        return min(10.0, 0.1 * 2.0 ** min(attempt, 10)) * self.clock.random()

    def pause(self, attempt: int) -> bool:
        """Wait after a failed attempt; return whether the executor ends meanwhile."""
        return self.closing.wait(self.backoff(attempt))
