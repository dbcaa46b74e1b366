"""Turning one entry point into a registered declaration, or into a reason why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

import pluggy

from ostler.errors import Error, Internal
from ostler.spi.info import SPI_VERSION

from ._kinds import KINDS, Kind
from ._metadata import Found
from ._plugin import Plugin, State
from ._specs import check_hooks

__all__ = ["Loaded", "load"]

_STATEMENT = f"ostler_spi_version = {SPI_VERSION}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a plugin.

    :param types: that it offers, by the hook that returns them; empty unless it is ok.
    :param cause: what was raised, when it failed.
    """

    plugin: Plugin
    types: dict[str, tuple[Any, ...]]
    cause: BaseException | None = None


def load(found: Found, manager: pluggy.PluginManager) -> Loaded:
    """Load a plugin and register it with ``manager``; one that is not ok is not registered."""
    plugin = found.plugin
    try:
        declaration = _import(found.entry_point)
        plugin = replace(plugin, spi_version=_stated_version(declaration))
        incompatible = _incompatible(plugin)
        if incompatible is not None:
            return Loaded(incompatible, {})
        plugin = replace(plugin, hooks=check_hooks(declaration, manager))
        types = _register(declaration, plugin, manager)
    except Error as error:
        return Loaded(_failed(plugin, error), {}, error.__cause__)
    return Loaded(replace(plugin, state=State.OK), types)


def _import(entry_point: metadata.EntryPoint) -> object:
    try:
        return entry_point.load()
    except (Exception, SystemExit) as error:
        raise Internal(
            f"importing {entry_point.value!r} raised {_tell(error)}",
            details={"remedy": _import_remedy(error)},
        ) from error


def _import_remedy(error: BaseException) -> str:
    if isinstance(error, ImportError) and (error.name or "").startswith("ostler.spi"):
        return "it may be written for a later Ostler: upgrade ostler, or install an earlier release"
    return ""


def _stated_version(declaration: object) -> tuple[int, int]:
    stated = getattr(declaration, "ostler_spi_version", None)
    if stated is None:
        raise Internal(
            "it does not say which plugin interface it was written for",
            details={"remedy": f"its author adds `{_STATEMENT}` to the declaration"},
        )
    match stated:
        case (int(major), int(minor)):
            return major, minor
    raise Internal(f"its ostler_spi_version is {stated!r}, not a pair like {SPI_VERSION}")


def _incompatible(plugin: Plugin) -> Plugin | None:
    assert plugin.spi_version is not None
    major, minor = plugin.spi_version
    if major == SPI_VERSION[0] and minor <= SPI_VERSION[1]:
        return None
    newer = plugin.spi_version > SPI_VERSION
    remedy = (
        f"upgrade ostler, or install an earlier release of {plugin.distribution}"
        if newer
        else f"upgrade {plugin.distribution}"
    )
    return replace(
        plugin,
        state=State.INCOMPATIBLE,
        reason=f"it was written for plugin interface {major}.{minor}, and this Ostler serves "
        f"{SPI_VERSION[0]}.0 to {SPI_VERSION[0]}.{SPI_VERSION[1]}",
        remedy=remedy,
    )


def _register(
    declaration: object, plugin: Plugin, manager: pluggy.PluginManager
) -> dict[str, tuple[Any, ...]]:
    try:
        manager.register(declaration, plugin.name)
    except (pluggy.PluginValidationError, ValueError) as error:
        raise Internal(f"it cannot be registered: {_tell(error)}") from error
    try:
        return {
            kind.hook: _types(kind, plugin, manager) for kind in KINDS if kind.hook in plugin.hooks
        }
    except Error:
        manager.unregister(name=plugin.name)
        raise


def _types(kind: Kind[Any], plugin: Plugin, manager: pluggy.PluginManager) -> tuple[Any, ...]:
    collected: list[Any] = []
    for implementation in getattr(manager.hook, kind.hook).get_hookimpls():
        if implementation.plugin_name == plugin.name:
            try:
                result = implementation.function()
            except (Exception, SystemExit) as error:
                raise Internal(f"hook {kind.hook!r} raised {_tell(error)}") from error
            collected += kind.check(result)
    return tuple(collected)


def _failed(plugin: Plugin, error: Error) -> Plugin:
    remedy = error.details.get("remedy") or (
        f"upgrade or uninstall {plugin.distribution}, or add {plugin.name!r} to plugins.disabled"
    )
    return replace(plugin, state=State.FAILED, reason=error.message, remedy=remedy)


def _tell(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
