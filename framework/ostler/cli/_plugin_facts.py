"""Plugins as data, for ``--json`` and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ostler.errors import Error
from ostler.host import Host, Offered, Plugin, State
from ostler.spi.info import load_reference

__all__ = ["details_as_json", "plugin_as_json", "print_details", "problems_as_json"]


def plugin_as_json(plugin: Plugin) -> dict[str, Any]:
    """Return what is known of a plugin."""
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "target": plugin.target,
        "state": plugin.state.value,
        "reason": plugin.reason,
        "remedy": plugin.remedy,
    }


def problems_as_json(host: Host) -> list[dict[str, str]]:
    """Return the host's problems."""
    return [
        {
            "plugin": item.plugin,
            "hook": item.hook,
            "message": item.message,
            "remedy": item.remedy,
        }
        for item in host.problems()
    ]


def details_as_json(host: Host, plugin: Plugin) -> dict[str, Any]:
    """Return all that can be told of a loaded plugin: hooks, and types with their settings."""
    version = plugin.spi_version
    kinds: dict[str, Mapping[str, Offered[Any]]] = {
        "storages": host.storages(),
        "kvs": host.kvs(),
        "executors": host.executors(),
        "step_types": host.step_types(),
        "config_formats": host.config_formats(),
    }
    offers = {
        kind: [_type_as_json(item.type) for item in offered.values() if item.plugin == plugin.name]
        for kind, offered in kinds.items()
    }
    mine = offers if plugin.state is State.OK else {}
    return {
        **plugin_as_json(plugin),
        "spi_version": None if version is None else f"{version[0]}.{version[1]}",
        "hooks": list(plugin.hooks),
        "offers": {kind: types for kind, types in mine.items() if types},
    }


def print_details(details: Mapping[str, Any]) -> None:
    """Print what `details_as_json` returned."""
    click.echo(f"{details['name']}: {details['state']}")
    for key in ("reason", "remedy"):
        if details[key]:
            click.echo(f"  {key}: {details[key]}")
    click.echo(f"  from: {details['distribution']} {details['version']} ({details['target']})")
    click.echo(f"  plugin interface: {details['spi_version'] or 'not known'}")
    click.echo(f"  hooks: {', '.join(details['hooks']) or 'none'}")
    for kind, types in details["offers"].items():
        for item in types:
            _print_type(kind, item)


def _print_type(kind: str, item: Mapping[str, Any]) -> None:
    click.echo(f"  {kind}: {item['name']}: {item['summary']}")
    if item.get("schemes"):
        click.echo(f"    URLs: {', '.join(map(_shown_scheme, item['schemes']))}")
    if item.get("selectable") is False:
        click.echo("    not meant to be selected; needs plugins.allow_unselectable")
    if item.get("settings_error"):
        click.echo(f"    settings: {item['settings_error']}")
    for field in item.get("settings", ()):
        default = "required" if field["required"] else f"default {field['default']}"
        told = f": {field['description']}" if field["description"] else ""
        click.echo(f"    {field['name']} ({default}){told}")


def _shown_scheme(scheme: str) -> str:
    return f"{scheme}…:" if scheme.endswith("+") else f"{scheme}:"


def _type_as_json(offered: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"name": offered.name, "summary": getattr(offered, "summary", "")}
    for key in ("schemes", "suffixes"):
        if hasattr(offered, key):
            told[key] = list(getattr(offered, key))
    if hasattr(offered, "selectable"):
        told["selectable"] = offered.selectable
    reference = getattr(offered, "settings", None) or getattr(offered, "model", None)
    if reference is not None:
        told |= _settings_as_json(reference)
    return told


def _settings_as_json(reference: str) -> dict[str, Any]:
    try:
        model = load_reference(reference)
    except Error as error:
        return {"settings": [], "settings_error": error.message}
    fields = [
        {
            "name": name,
            "required": field.is_required(),
            # Printed as text: a SecretStr then shows stars, not itself.
            "default": None if field.is_required() else str(field.get_default()),
            "description": field.description or "",
        }
        for name, field in model.model_fields.items()
    ]
    return {"settings": fields}
