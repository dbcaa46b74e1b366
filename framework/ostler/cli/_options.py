"""Options that many commands have, and what they lead to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ostler.settings import Settings

__all__ = ["Instance", "instance_options", "json_option"]

F = TypeVar("F", bound=Callable[..., Any])

_OVERRIDES = {
    "home": ("DIRECTORY", "Directory for what the defaults keep."),
    "storage": ("URL", "Object storage for logs, archives and caches."),
    "kv": ("URL", "Key-value store for the state of runs."),
    "executor": ("NAME", "Where tasks run."),
}


@dataclass(frozen=True, slots=True)
class Instance:
    """What the common options of a command said.

    :param overrides: by dotted path of the setting; None: not given.
    """

    path: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, **more: Any) -> Settings:
        """Load the settings, with these options and ``more`` on top, and set logging up.

        :param more: settings that a command has an option of its own for (``jobs=4``).
        :raises BadRequest: the settings are wrong: all faults at once.
        :raises NotFound: the settings file that was named does not exist.
        """
        from ostler.settings import load_settings

        from ._logging import configure

        loaded = load_settings(self.path, overrides={**self.overrides, **more})
        configure(loaded.log)
        return loaded


def instance_options(function: F) -> F:
    """Add ``--settings``, ``--home``, ``--storage``, ``--kv``, ``--executor``.

    The command gets them as one argument ``instance``, an `Instance`.
    """

    @functools.wraps(function)
    def command(*args: Any, settings: str | None, **kwargs: Any) -> Any:
        overrides = {name: kwargs.pop(name) for name in _OVERRIDES}
        return function(*args, instance=Instance(settings, overrides), **kwargs)

    decorated: Any = command
    for name, (metavar, text) in reversed(_OVERRIDES.items()):
        decorated = click.option(f"--{name}", metavar=metavar, help=text)(decorated)
    add = click.option(
        "--settings", metavar="FILE", help="Settings file; else $OSTLER_SETTINGS or ./ostler.toml."
    )
    result: F = add(decorated)
    return result


def json_option(function: F) -> F:
    """Add ``--json``; the command gets it as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
