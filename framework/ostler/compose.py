"""The only place where what was registered becomes objects that work together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Self

from ostler.clock import Clock, SystemClock
from ostler.closing import Closing
from ostler.datamanager import Datamanager, Options
from ostler.host import Host
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.pods import Executor
from ostler.runs.model import Run
from ostler.runs.reports import TaskReport
from ostler.services.api import ExecutorStatus
from ostler.services.executor import ExecutorService
from ostler.services.executor.files import log_file
from ostler.services.logs import LogReader
from ostler.services.policies import Policies
from ostler.services.runservice import (
    TYPES,
    Events,
    Instance,
    Outputs,
    Recovery,
    RunActions,
    RunCreation,
    RunIndex,
    RunRemoval,
    Runservice,
    RunStore,
    open_instance,
)
from ostler.settings import (
    Choice,
    Settings,
    discover_host,
    ensure_home,
    resolve_executor,
    resolve_kv,
    resolve_storage,
)
from ostler.spi.configs import ConfigFormat
from ostler.spi.executor import ExecutorContext
from ostler.spi.runs import ExecutorView, RunEvent, RunView, TaskView
from ostler.spi.steps import StepType

__all__ = ["Composition", "Embedded"]


class Composition(Closing):
    """The plugins, the storages and what is built on them, each opened when it is first used.

    A context manager: leaving it closes what was opened.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.home = Path(settings.home)
        self._opened = ExitStack()

    @cached_property
    def host(self) -> Host:
        """The plugins."""
        return discover_host(self.settings).load()

    @cached_property
    def kv(self) -> KeyValueStore:
        """The key-value store."""
        chosen = resolve_kv(self.settings, self.host)
        ensure_home(self.settings.home)
        store = KeyValueStore(chosen.factory()(chosen.settings), clock=self.clock)
        self._opened.callback(store.close)
        return store

    @cached_property
    def ost(self) -> ObjectStorage:
        """The object storage."""
        ensure_home(self.settings.home)
        return self._storage(self.settings)

    def open_storage(self, choice: Choice, origin: str) -> ObjectStorage:
        """Open a storage beside that of the settings; closed with the composition.

        :param choice: a URL, or a table as in the settings.
        :param origin: where the choice was made, for messages (``--to``).
        :raises BadRequest: as `resolve_storage` does.
        """
        return self._storage(self.settings.choose("storage", choice, origin))

    def _storage(self, settings: Settings) -> ObjectStorage:
        chosen = resolve_storage(settings, self.host)
        storage = ObjectStorage(chosen.factory()(chosen.settings), clock=self.clock)
        self._opened.callback(storage.close)
        return storage

    @cached_property
    def datamanager(self) -> Datamanager:
        """The database of run configs, archived runs and counters; its threads are not started."""
        options = Options(**self.settings.datamanager.model_dump())
        opened = Datamanager(self.ost, self.kv, types=TYPES, clock=self.clock, options=options)
        opened.open()
        self._opened.callback(opened.close)
        return opened

    @cached_property
    def store(self) -> RunStore:
        """All runs."""
        ensure_home(self.settings.home)
        return RunStore(self.kv, self.datamanager, RunIndex(self.datamanager, self.home / "index"))

    @cached_property
    def outputs(self) -> Outputs:
        """Logs, archives and caches in object storage."""
        return Outputs(self.ost)

    @cached_property
    def actions(self) -> RunActions:
        """What anybody may do to a run."""
        return RunActions(self.store, self.clock, self.events)

    @cached_property
    def events(self) -> Events:
        """What plugins are told of changes of runs, if any listens."""
        return Events(self.clock, wanted=self.host.implemented("ostler_run_event"))

    @cached_property
    def creation(self) -> RunCreation:
        """How runs come to be."""
        return RunCreation(self.store, self.outputs, self.clock)

    @cached_property
    def removal(self) -> RunRemoval:
        """How runs go."""
        return RunRemoval(self.store, self.outputs)

    @cached_property
    def logs(self) -> LogReader:
        """Logs of any run, also while they are written."""
        return LogReader(self.store, self.outputs, self.clock, log_file)

    @cached_property
    def recovery(self) -> Recovery:
        """Ends what dead processes left."""
        return Recovery(
            self.store, self.outputs, self.clock, self.events, self._remove_pods, log_file
        )

    @cached_property
    def step_types(self) -> Mapping[str, StepType]:
        """The registered step types by name."""
        return {name: offered.type for name, offered in self.host.step_types().items()}

    @cached_property
    def config_formats(self) -> Mapping[str, ConfigFormat]:
        """The registered run-config formats by suffix."""
        return {
            suffix: offered.type
            for offered in self.host.config_formats().values()
            for suffix in offered.type.suffixes
        }

    def executor(self, executor_id: str, directory: Path) -> Executor:
        """Open the executor driver that the settings choose."""
        chosen = resolve_executor(self.settings, self.host)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        context = ExecutorContext(executor_id=executor_id, directory=str(directory))
        return Executor(chosen.factory()(chosen.settings, context), name=chosen.type.name)

    def policies(
        self,
        *,
        approve_all: bool = False,
        watch: Callable[[Run, frozenset[str]], None] | None = None,
    ) -> Policies:
        """Return the decisions that the plugins take part in.

        :param approve_all: a task that waits for approval needs none.
        :param watch: see `Policies`.
        """

        def required(run: RunView, task: TaskView) -> int:
            if approve_all:
                return 0
            policy = self.host.call("ostler_required_approvals", run=run, task=task)
            own = self.settings.approvals if task.approvals is None else task.approvals
            return own if policy is None else int(policy)

        def environment(run: RunView, task: TaskView) -> Mapping[str, str]:
            merged: dict[str, str] = {}
            for added in self.host.call("ostler_task_environment", run=run, task=task):
                merged.update(added)
            return merged

        def tell(event: RunEvent) -> None:
            self.host.call("ostler_run_event", event=event)

        def rank(task: TaskView, candidates: Sequence[ExecutorView]) -> Sequence[str] | None:
            ranked: Sequence[str] | None = self.host.call(
                "ostler_rank_executors", task=task, candidates=candidates
            )
            return ranked

        # What no plugin implements is not asked for: these are on every task's way.
        asked = self.host.implemented
        return Policies(
            rank=rank if asked("ostler_rank_executors") else None,
            required_approvals=required,
            task_environment=environment if asked("ostler_task_environment") else None,
            tell=tell if asked("ostler_run_event") else None,
            watch=watch,
            fail_unplaceable=True,
        )

    def close(self) -> None:
        """Close what was opened. Idempotent."""
        self._opened.close()

    def _remove_pods(self, instance: Instance) -> None:
        executor = self.executor(instance.id, instance.directory / "pods")
        executor.setup()
        try:
            for pod in executor.pods():
                pod.remove()
        finally:
            executor.close()


class Embedded(Closing):
    """A runservice and an executor in this process, without any port.

    A context manager. Its runs end with the process: who comes later finds
    them by `Recovery`.

    :param policies: see `Composition.policies`.
    :param listener: told of every state of a task, in the thread of its worker.
    """

    def __init__(
        self,
        composition: Composition,
        policies: Policies,
        listener: Callable[[TaskReport], None] | None = None,
    ) -> None:
        self._composition = composition
        self._policies = policies
        self._listener = listener
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._open(opened)
            self._opened = opened.pop_all()
        return self

    def close(self) -> None:
        """End both. Idempotent."""
        self._opened.close()

    def _open(self, opened: ExitStack) -> None:
        own = self._composition
        own.datamanager.start()
        self.instance = open_instance(
            own.kv, own.home, own.clock.new_id(), _type_name(own.settings.executor)
        )
        opened.callback(self._leave)
        self.runservice = Runservice(
            own.store,
            own.outputs,
            own.clock,
            self._policies,
            owner=self.instance.id,
            recover=own.recovery.recover,
        )
        self.runservice.start()
        opened.callback(self.runservice.close)
        driver = own.executor(self.instance.id, self.instance.directory / "pods")
        opened.callback(driver.close)
        driver.setup()
        self.executor = self._executor(driver)
        self.executor.start()
        opened.callback(self.executor.close)

    def _executor(self, driver: Executor) -> ExecutorService:
        own = self._composition
        status = ExecutorStatus(
            id=self.instance.id,
            driver=self.instance.record.executor,
            archs=driver.archs(),
            limit=own.settings.jobs,
            group=driver.group(),
            allow_privileged=True,
        )
        return ExecutorService(
            driver,
            self.runservice,
            status=status,
            step_types=own.step_types,
            directory=self.instance.directory,
            clock=own.clock,
            listener=self._listener,
        )

    def _leave(self) -> None:
        """Forget this instance, unless a run of it is left for recovery; remove caches that are old."""
        own = self._composition
        own.outputs.remove_old_caches(own.clock.now() - own.settings.cache_max_age)
        left = [stored for stored in own.store.active() if stored.owner == self.instance.id]
        if left:
            self.instance.release()
            own.recovery.recover()
        else:
            own.recovery.leave(self.instance)


def _type_name(choice: str | Mapping[str, object]) -> str:
    return str(choice["type"]) if isinstance(choice, Mapping) else choice.partition(":")[0]
