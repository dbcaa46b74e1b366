"""What can be set, and the defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr
from pydantic_core import PydanticCustomError

__all__ = ["Choice", "DatamanagerSettings", "LogSettings", "PluginSettings", "Settings"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")

# Tables whose keys come from several sources: one's origin says nothing of another's.
_SECTIONS = frozenset({"plugins", "log", "datamanager"})

Choice = str | Mapping[str, Any]
"""A URL or a type's name; or a table with ``type`` and the fields of that type's settings."""


def _seconds(value: object) -> object:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        return float(match[1]) * _UNITS[match[2] or "s"]
    if isinstance(value, str):
        raise PydanticCustomError("setting", "should be a duration such as 90s, 10m, 12h or 7d")
    return value


def _names(value: object) -> object:
    # A variable of the environment has no lists: "a,b" stands for one.
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _choice(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            raise PydanticCustomError("setting", "should not be empty")
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("setting", "should be a URL, a name, or a table with a type")
    if not isinstance(value.get("type"), str):
        raise PydanticCustomError("setting", "should name its type: a table needs the key 'type'")
    return value


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PluginSettings(_Part):
    """Which plugins to use.

    :param disabled: names of plugins to be left alone.
    :param prefer: the distribution to take a plugin from, by the plugin's name.
    :param strict: any problem with a plugin is an error.
    :param allow_unselectable: types that are not meant for use may be chosen.
    """

    disabled: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    prefer: Mapping[str, str] = Field(default_factory=dict)
    strict: bool = False
    allow_unselectable: bool = False


class DatamanagerSettings(_Part):
    """How the database of runs weighs speed, memory and space.

    :param grace: seconds that what is no longer needed is kept at least.
    :param checkpoint_commits: commits after which a checkpoint is made.
    :param checkpoint_bytes: of the log, likewise.
    :param checkpoint_interval: seconds after which one is made if there is anything to write.
    :param file_size: bytes of a data file.
    :param cache_bytes: of data files in memory.
    """

    grace: Annotated[float, BeforeValidator(_seconds), Field(gt=0)] = 3600.0
    checkpoint_commits: Annotated[int, Field(ge=1)] = 1000
    checkpoint_bytes: Annotated[int, Field(ge=1)] = 16 << 20
    checkpoint_interval: Annotated[float, BeforeValidator(_seconds), Field(gt=0)] = 300.0
    file_size: Annotated[int, Field(ge=1 << 16)] = 10 << 20
    cache_bytes: Annotated[int, Field(ge=0)] = 32 << 20


class LogSettings(_Part):
    """What ostler itself logs, to standard error. Logs of tasks are not meant."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    format: Literal["text", "json"] = "text"


class Settings(_Part):
    """The settings of an instance. Values are complete: defaults are filled in.

    :param home: absolute path of the directory for what the defaults keep.
    :param storage: where logs, archives and caches go.
    :param kv: where the state of runs goes.
    :param executor: where tasks run.
    :param jobs: tasks at once.
    :param approvals: approvers that a task needs when it does not say itself.
    :param cache_max_age: seconds after which a cache is removed.
    """

    home: str
    storage: Annotated[Choice, BeforeValidator(_choice)]
    kv: Annotated[Choice, BeforeValidator(_choice)]
    executor: Annotated[Choice, BeforeValidator(_choice)] = "local"
    jobs: Annotated[int, Field(ge=1)] = Field(default_factory=_cpus)
    approvals: Annotated[int, Field(ge=1)] = 1
    cache_max_age: Annotated[float, BeforeValidator(_seconds), Field(gt=0)] = 7 * 86400.0
    plugins: PluginSettings = PluginSettings()
    log: LogSettings = LogSettings()
    datamanager: DatamanagerSettings = DatamanagerSettings()

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def choose(self, key: str, choice: Choice, origin: str) -> Self:
        """Return these settings with another ``storage``, ``kv`` or ``executor``."""
        chosen = self.model_copy(update={key: choice})
        kept = {path: at for path, at in self._origins.items() if path.partition(".")[0] != key}
        chosen._origins = {**kept, key: origin}
        return chosen

    def origin(self, path: str) -> str:
        """Return where a value came from: a file, a variable, an option, or ``default``.

        :param path: dotted, as in ``plugins.strict`` or ``storage.bucket``; what
            has no origin of its own has its table's.
        """
        if path in self._origins:
            return self._origins[path]
        parent = path.rpartition(".")[0]
        if parent and parent not in _SECTIONS:
            return self.origin(parent)
        return "default"
