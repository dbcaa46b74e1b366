from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ._explain import explain, refuse
from ._home import default_home
from ._layers import Layer, file_layer, option_layer, variable_layer
from ._schema import Settings

__all__ = ["load_settings"]

_CHOICES = frozenset({"storage", "kv", "executor"})


def load_settings(
    path: str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings in force: the file, then variables, then options.

    :param path: of the file; None: ``$OSTLER_SETTINGS``, else ``ostler.toml`` here if it is there.
    :param environ: the variables; None: this process's.
    :param overrides: options by dotted path, as in ``{"storage": url, "plugins.strict": True}``;
        None stands for an option that was not given.
    :raises BadRequest: something is wrong; says every fault, each with its path and
        origin; ``details["errors"]`` has them as data. No value is ever told.
    :raises NotFound: the file that was named does not exist.
    """
    environ = os.environ if environ is None else environ
    layers = [file_layer(path, environ), variable_layer(environ), option_layer(overrides or {})]
    values, origins = _merge(layers)
    _fill(values, environ)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        # A model that is never used beyond this: it only knows where values came from.
        known = Settings.model_construct()
        known._origins = origins
        raise refuse("the settings are wrong", explain(error, Settings, known.origin)) from None
    settings._origins = origins
    return settings


def _merge(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        for key in _replaced(values, layer.values):
            values.pop(key, None)
            for path in [path for path in origins if path.partition(".")[0] == key]:
                del origins[path]
        _overlay(values, layer.values)
        origins.update({".".join(path): origin for path, origin in layer.origins.items()})
    return values, origins


def _replaced(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> list[str]:
    """Return the choices that ``upper`` makes anew; a table without a type only adds to one."""
    return [
        key
        for key in _CHOICES & upper.keys()
        if not (isinstance(upper[key], Mapping) and "type" not in upper[key])
        or not isinstance(lower.get(key), Mapping)
    ]


def _overlay(lower: dict[str, Any], upper: Mapping[str, Any]) -> None:
    for key, value in upper.items():
        below = lower.get(key)
        if isinstance(value, Mapping):
            merged = dict(below) if isinstance(below, Mapping) else {}
            _overlay(merged, value)
            lower[key] = merged
        else:
            lower[key] = value


def _fill(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    home = values.get("home") or default_home(environ)
    if isinstance(home, str):
        values["home"] = home = os.path.abspath(os.path.expanduser(home))
    values.setdefault("storage", {"type": "posix", "path": os.path.join(str(home), "storage")})
    values.setdefault("kv", {"type": "sqlite", "path": os.path.join(str(home), "ostler.db")})
