"""Calling a hook's implementations one by one, so that one that raises does not end the call."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pluggy

from ostler.errors import Internal

from ._plugin import Problem
from ._specs import hook_arguments, is_first_result

__all__ = ["Calls"]

_log = logging.getLogger("ostler.host")


class Calls:
    """Calls hooks and remembers which implementations raised. Usable from many threads.

    :param strict: an implementation that raises ends the call with `Internal`.
    """

    def __init__(self, manager: pluggy.PluginManager, *, strict: bool) -> None:
        self._manager = manager
        self._strict = strict
        self._problems: dict[tuple[str, str], Problem] = {}

    def problems(self) -> list[Problem]:
        """Return one problem for every plugin and hook that raised, the first time it did."""
        return list(self._problems.values())

    def call(self, hook: str, arguments: Mapping[str, Any]) -> Any:
        """Return the results, or the first one where the hook is specified so (None: no result)."""
        results = (result for _, result in self.results(hook, arguments))
        return next(results, None) if is_first_result(hook) else list(results)

    def results(self, hook: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield (plugin, result) for every result that is not None, calling as it goes."""
        if set(hook_arguments()[hook]) != set(arguments):
            expected = ", ".join(hook_arguments()[hook]) or "none"
            raise Internal(
                f"hook {hook!r} was called with {sorted(arguments)}; it takes {expected}"
            )
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            result = self._one(hook, implementation, arguments)
            if result is not None:
                yield implementation.plugin_name, result

    def _one(self, hook: str, implementation: Any, arguments: Mapping[str, Any]) -> Any:
        wanted = (*implementation.argnames, *implementation.kwargnames)
        try:
            return implementation.function(
                **{name: arguments[name] for name in wanted if name in arguments}
            )
        except Exception as error:
            self._failed(hook, implementation.plugin_name, error)
            return None

    def _failed(self, hook: str, plugin: str, error: Exception) -> None:
        message = f"hook {hook!r} of plugin {plugin!r} raised {type(error).__name__}: {error}"
        if self._strict:
            raise Internal(message) from error
        if (plugin, hook) not in self._problems:
            self._problems[plugin, hook] = Problem(plugin=plugin, hook=hook, message=message)
            _log.warning("%s; the other plugins go on", message, exc_info=error)
