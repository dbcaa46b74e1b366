"""What the hooks are called and take, and whether a declaration implements them rightly."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pluggy

from ostler.errors import Internal
from ostler.spi.hooks import PROJECT, HookSpecs, hookspec
from ostler.suggest import did_you_mean

__all__ = ["check_hooks", "hook_arguments", "hook_names", "is_first_result", "new_manager"]

_PREFIX = f"{PROJECT}_"
_NOT_HOOKS = frozenset({"ostler_spi_version"})


def new_manager() -> pluggy.PluginManager:
    """Return an empty plugin manager that knows every hook."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    return manager


@cache
def hook_arguments() -> Mapping[str, tuple[str, ...]]:
    """Return the names of every hook's arguments, by hook."""
    return {
        name: tuple(inspect.signature(function).parameters)[1:]
        for name, function in vars(HookSpecs).items()
        if name.startswith(_PREFIX)
    }


def hook_names() -> tuple[str, ...]:
    """Return the names of all hooks, sorted."""
    return tuple(sorted(hook_arguments()))


@cache
def is_first_result(hook: str) -> bool:
    """Return whether the first result that is not None ends the call."""
    options = getattr(getattr(HookSpecs, hook), f"{hookspec.project_name}_spec")
    return bool(options.get("firstresult"))


def check_hooks(declaration: object, manager: pluggy.PluginManager) -> tuple[str, ...]:
    """Return the hooks that a declaration implements, sorted.

    :raises Internal: a hook is misspelt, is not marked, or takes what it is
        never given; every such defect is named.
    """
    names: list[str] = []
    faults: list[str] = []
    for attribute, function in _candidates(declaration, manager):
        options = _options(declaration, attribute, manager)
        hook = (options or {}).get("specname") or attribute
        if hook not in hook_arguments() and (options or {}).get("optionalhook"):
            continue
        names.append(hook)
        faults += _faults(attribute, hook, function, options)
    if faults:
        raise Internal("; ".join(faults))
    return tuple(sorted(names))


def _candidates(
    declaration: object, manager: pluggy.PluginManager
) -> Iterator[tuple[str, Callable[..., Any]]]:
    for attribute in sorted(dir(declaration)):
        marked = _options(declaration, attribute, manager) is not None
        value = getattr(declaration, attribute, None)
        named = attribute.startswith(_PREFIX) and attribute not in _NOT_HOOKS
        if marked or (named and inspect.isroutine(value)):
            assert callable(value)
            yield attribute, value


def _options(
    declaration: object, attribute: str, manager: pluggy.PluginManager
) -> Mapping[str, Any] | None:
    options = manager.parse_hookimpl_opts(declaration, attribute)
    return None if options is None else {**options}


def _faults(
    attribute: str, hook: str, function: Callable[..., Any], options: Mapping[str, Any] | None
) -> Iterator[str]:
    if hook not in hook_arguments():
        yield f"there is no hook {hook!r}{did_you_mean(hook, hook_names())}"
        return
    if options is None:
        yield f"hook {attribute!r} is not marked with @hookimpl"
    elif options.get("wrapper") or options.get("hookwrapper"):
        yield f"hook {hook!r} is a wrapper, and hooks are called one by one"
    if inspect.iscoroutinefunction(function):
        yield f"hook {hook!r} is a coroutine, and hooks are called directly"
    yield from _argument_faults(hook, function)


def _argument_faults(hook: str, function: Callable[..., Any]) -> Iterator[str]:
    known = hook_arguments()[hook]
    listed = f"it has {', '.join(known)}" if known else "it has none"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL):
            yield f"argument {parameter.name!r} of hook {hook!r} must be an ordinary one"
        elif parameter.name not in known:
            hint = did_you_mean(parameter.name, known)
            yield f"hook {hook!r} has no argument {parameter.name!r} ({listed}){hint}"
