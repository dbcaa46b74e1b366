"""Finding plugins in the metadata of installed distributions, without importing any."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata

from ostler.spi.info import ENTRY_POINT_GROUP

from ._plugin import Plugin, Problem, State

__all__ = ["Found", "Selection", "find", "select"]


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin and the entry point that loads it."""

    plugin: Plugin
    entry_point: metadata.EntryPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the settings say about which plugins to use.

    :param disabled: names of plugins.
    :param prefer: the distribution to take a plugin from, by the plugin's name.
    """

    disabled: frozenset[str] = frozenset()
    prefer: Mapping[str, str]


def find() -> tuple[list[Found], list[Problem]]:
    """Return every plugin that an installed distribution names, sorted by name and distribution.

    A distribution that is on the path twice counts once, as for imports: the
    first one. One whose entry points cannot be read is a problem.
    """
    found: list[Found] = []
    problems: list[Problem] = []
    for name, distribution in _distributions():
        try:
            found += _plugins_of(name, distribution)
        except (ValueError, TypeError, KeyError) as error:
            problems.append(
                Problem(
                    plugin=name,
                    message=f"the entry points of distribution {name!r} cannot be read: {error}",
                    remedy="install it again, or tell its author",
                )
            )
    found.sort(key=lambda item: (item.plugin.name, item.plugin.distribution, item.plugin.target))
    return found, problems


def select(found: list[Found], selection: Selection) -> list[Found]:
    """Settle which plugins are disabled and which are duplicates, from their metadata alone."""
    by_name: dict[str, list[Found]] = {}
    for item in found:
        by_name.setdefault(item.plugin.name, []).append(item)
    return [
        replace(item, plugin=_judge(item.plugin, [other.plugin for other in group], selection))
        for group in by_name.values()
        for item in group
    ]


def _distributions() -> Iterator[tuple[str, metadata.Distribution]]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        # Most distributions have nothing to do with us: their metadata is not even parsed.
        text = distribution.read_text("entry_points.txt") or ""
        if ENTRY_POINT_GROUP not in text:
            continue
        name = distribution.metadata["Name"] or "unknown"
        if _normal(name) not in seen:
            seen.add(_normal(name))
            yield name, distribution


def _plugins_of(name: str, distribution: metadata.Distribution) -> Iterator[Found]:
    version = distribution.metadata["Version"] or "unknown"
    for entry_point in distribution.entry_points.select(group=ENTRY_POINT_GROUP):
        plugin = Plugin(
            name=entry_point.name, distribution=name, version=version, target=entry_point.value
        )
        yield Found(plugin, entry_point)


def _judge(plugin: Plugin, group: list[Plugin], selection: Selection) -> Plugin:
    if plugin.name in selection.disabled:
        return replace(
            plugin,
            state=State.DISABLED,
            reason="the settings disable it",
            remedy="remove it from plugins.disabled to use it",
        )
    preferred = selection.prefer.get(plugin.name)
    if preferred is not None and _normal(preferred) != _normal(plugin.distribution):
        return _not_preferred(plugin, group, preferred)
    rivals = [other for other in group if preferred is None or _same_source(other, plugin)]
    return _duplicate(plugin, rivals) if len(rivals) > 1 else plugin


def _not_preferred(plugin: Plugin, group: list[Plugin], preferred: str) -> Plugin:
    known = any(_normal(other.distribution) == _normal(preferred) for other in group)
    reason = f"the settings take {plugin.name!r} from distribution {preferred!r}"
    return replace(
        plugin,
        state=State.DISABLED,
        reason=reason if known else f"{reason}, which offers no such plugin here",
        remedy=f"change plugins.prefer.{plugin.name} to use this one",
    )


def _duplicate(plugin: Plugin, rivals: list[Plugin]) -> Plugin:
    sources = " and ".join(f"{rival.source} ({rival.target})" for rival in rivals)
    return replace(
        plugin,
        state=State.DUPLICATE,
        reason=f"several distributions offer a plugin {plugin.name!r}: {sources}",
        remedy=f"choose one with plugins.prefer.{plugin.name} = {rivals[0].distribution!r}, "
        "or uninstall the other",
    )


def _same_source(one: Plugin, other: Plugin) -> bool:
    return _normal(one.distribution) == _normal(other.distribution)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
