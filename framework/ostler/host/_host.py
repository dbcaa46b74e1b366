from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ostler.errors import Conflict, Internal, NotFound
from ostler.spi.configs import ConfigFormat
from ostler.spi.executor import ExecutorType
from ostler.spi.kv import KvType
from ostler.spi.storage import StorageType
from ostler.suggest import did_you_mean

from ._calls import Calls
from ._kinds import CONFIG_FORMATS, EXECUTORS, KINDS, KVS, STEP_TYPES, STORAGES, Kind, Named
from ._load import Loaded, load
from ._metadata import Found, Selection, find, select
from ._plugin import Plugin, Problem, State
from ._registry import Offered, Registry
from ._specs import hook_names, new_manager

if TYPE_CHECKING:
    from ostler.spi.steps import StepType  # imports pydantic, which discovery does without

__all__ = ["Host"]

T = TypeVar("T", bound=Named)


class Host:
    """The plugins of this installation.

    Made by `discover`, which imports none of them. They are loaded, all at
    once, when something that they offer is first asked for; one that cannot be
    loaded is reported by `problems` and leaves the others alone. Usable from
    many threads.
    """

    def __init__(
        self, found: Collection[Found], problems: Collection[Problem] = (), *, strict: bool = False
    ) -> None:
        self._found = list(found)
        self._unreadable = list(problems)
        self._strict = strict
        self._lock = threading.RLock()
        self._manager = new_manager()
        self._calls = Calls(self._manager, strict=strict)
        self._loaded: list[Loaded] = []
        self._registries: dict[str, Registry[Any]] = {}
        self._refuse_when_strict()

    @classmethod
    def discover(
        cls,
        *,
        disabled: Collection[str] = (),
        prefer: Mapping[str, str] | None = None,
        strict: bool = False,
    ) -> Self:
        """Find the plugins of the installed distributions, by metadata alone.

        :param disabled: names of plugins to be left alone.
        :param prefer: the distribution to take a plugin from, by the plugin's name.
        :param strict: any problem is an error: here, at `load`, at `call`.
        :raises Conflict: strict, and there are duplicates or unreadable distributions.
        """
        found, problems = find()
        selection = Selection(disabled=frozenset(disabled), prefer=prefer or {})
        return cls(select(found, selection), problems, strict=strict)

    def plugins(self) -> tuple[Plugin, ...]:
        """Return every plugin, in the order of their names; loads none."""
        with self._lock:
            if self._loaded:
                return tuple(item.plugin for item in self._loaded)
            return tuple(item.plugin for item in self._found)

    def plugin(self, name: str) -> tuple[Plugin, ...]:
        """Return the plugins of that name: one, or several when there are duplicates.

        :raises NotFound: there is none.
        """
        named = tuple(plugin for plugin in self.plugins() if plugin.name == name)
        if not named:
            known = sorted({plugin.name for plugin in self.plugins()})
            listed = f"installed: {', '.join(known)}" if known else "none is installed at all"
            raise NotFound(f"there is no plugin {name!r}{did_you_mean(name, known)}; {listed}")
        return named

    def load(self) -> Self:
        """Load every plugin that can be; what was loaded already stays.

        :raises Conflict: strict, and there are problems.
        """
        with self._lock:
            if not self._registries:
                # The last one registered is called first: hooks go by name.
                loaded = [self._load(item) for item in reversed(self._found)]
                self._loaded = loaded[::-1]
                self._registries = {kind.hook: self._registry(kind) for kind in KINDS}
                self._refuse_when_strict()
        return self

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong, as far as it is known: `load` first to know more."""
        with self._lock:
            broken = [_problem(item) for item in self.plugins() if item.state.broken]
            clashes = [problem for item in self._registries.values() for problem in item.problems()]
            return (*self._unreadable, *broken, *clashes, *self._calls.problems())

    def cause(self, plugin: Plugin) -> BaseException | None:
        """Return what a failed plugin raised, for those who mend it."""
        causes = (item.cause for item in self._loaded if item.plugin == plugin)
        return next(causes, None)

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook: a list of results, or for a first-result hook that result or None.

        Implementations run in the order of their plugins' names, but for
        ``tryfirst`` and ``trylast``. One that raises is a problem and the
        others go on.

        :raises Internal: the hook does not exist or takes other arguments; or
            strict, and an implementation raised.
        """
        return self.load()._calls.call(_known(hook), arguments)

    def implemented(self, hook: str) -> bool:
        """Return whether any plugin implements a hook."""
        return bool(getattr(self._manager.hook, _known(hook)).get_hookimpls())

    def call_each(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a hook as `call` does, all of it, and return (plugin, result) pairs."""
        return list(self.load()._calls.results(_known(hook), arguments))

    def storages(self) -> Mapping[str, Offered[StorageType]]:
        """Return the storage types, by name."""
        return self._of(STORAGES).offered

    def kvs(self) -> Mapping[str, Offered[KvType]]:
        """Return the key-value store types, by name."""
        return self._of(KVS).offered

    def executors(self) -> Mapping[str, Offered[ExecutorType]]:
        """Return the executor types, by name."""
        return self._of(EXECUTORS).offered

    def step_types(self) -> Mapping[str, Offered[StepType]]:
        """Return the step types, by name."""
        return self._of(STEP_TYPES).offered

    def config_formats(self) -> Mapping[str, Offered[ConfigFormat]]:
        """Return the run-config formats, by name."""
        return self._of(CONFIG_FORMATS).offered

    def storage(self, name: str) -> Offered[StorageType]:
        """Return a storage type.

        :raises NotFound: there is none of that name; says what to install.
        :raises Conflict: several plugins offer it.
        """
        return self._of(STORAGES).get(name)

    def storage_for_scheme(self, scheme: str) -> Offered[StorageType]:
        """Return the storage type that serves URLs of that scheme; raises as `storage` does."""
        return self._of(STORAGES).by_scheme(scheme)

    def kv(self, name: str) -> Offered[KvType]:
        """Return a key-value store type; raises as `storage` does."""
        return self._of(KVS).get(name)

    def kv_for_scheme(self, scheme: str) -> Offered[KvType]:
        """Return the key-value store type for URLs of that scheme; raises as `storage` does."""
        return self._of(KVS).by_scheme(scheme)

    def executor(self, name: str) -> Offered[ExecutorType]:
        """Return an executor type; raises as `storage` does."""
        return self._of(EXECUTORS).get(name)

    def step_type(self, name: str) -> Offered[StepType]:
        """Return a step type; raises as `storage` does."""
        return self._of(STEP_TYPES).get(name)

    def config_format(self, name: str) -> Offered[ConfigFormat]:
        """Return a run-config format; raises as `storage` does."""
        return self._of(CONFIG_FORMATS).get(name)

    def _of(self, kind: Kind[T]) -> Registry[T]:
        return self.load()._registries[kind.hook]

    def _load(self, found: Found) -> Loaded:
        if found.plugin.state is not State.DISCOVERED:
            return Loaded(found.plugin, {})
        return load(found, self._manager)

    def _registry(self, kind: Kind[T]) -> Registry[T]:
        offers = [
            Offered(item.plugin.name, offered)
            for item in self._loaded
            for offered in item.types.get(kind.hook, ())
        ]
        # Of several of one name, the one that was chosen speaks for it.
        plugins = sorted(self.plugins(), key=lambda plugin: plugin.state is State.OK)
        return Registry(kind, offers, {plugin.name: plugin for plugin in plugins})

    def _refuse_when_strict(self) -> None:
        problems = self.problems() if self._strict else ()
        if problems:
            told = "\n".join(f"- {problem}" for problem in problems)
            raise Conflict(f"plugins.strict is set, and there are problems:\n{told}")


def _problem(plugin: Plugin) -> Problem:
    return Problem(
        plugin=plugin.name,
        message=f"plugin {plugin.name!r} ({plugin.source}) {plugin.trouble}",
        remedy=plugin.remedy,
    )


def _known(hook: str) -> str:
    if hook not in hook_names():
        raise Internal(f"there is no hook {hook!r}{did_you_mean(hook, hook_names())}")
    return hook
