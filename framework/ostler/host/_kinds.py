"""The kinds of types that plugins offer, and what a well-formed one looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ostler.errors import Internal
from ostler.spi.configs import ConfigFormat
from ostler.spi.executor import ExecutorType
from ostler.spi.info import Reference, load_reference
from ostler.spi.kv import KvType
from ostler.spi.storage import StorageType

__all__ = ["CONFIG_FORMATS", "EXECUTORS", "KINDS", "KVS", "STEP_TYPES", "STORAGES", "Kind", "Named"]


class Named(Protocol):
    """What all types have in common."""

    @property
    def name(self) -> str:
        """Unique among the types of its kind."""


T = TypeVar("T", bound=Named)

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*(\.\w+)*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of types.

    :param label: what one of them is called in a sentence.
    :param hook: that returns them.
    :param type: reference to their class: not all of them are cheap to import.
    :param name: the pattern of their names.
    :param references: fields that are references.
    """

    label: str
    hook: str
    type: Reference
    name: str = r"[a-z0-9][a-z0-9-]*"
    references: tuple[str, ...] = ("settings", "factory")

    def check(self, result: object) -> tuple[T, ...]:
        """Return what a hook returned as a tuple of well-formed types.

        :raises Internal: it is none; the sentence says what is wrong and where.
        """
        if not isinstance(result, Sequence) or isinstance(result, (str, bytes)):
            raise Internal(f"hook {self.hook!r} returned {_kind_of(result)}, not a list")
        expected = load_reference(self.type)
        for number, item in enumerate(result):
            where = f"item {number} of hook {self.hook!r}"
            if not isinstance(item, expected):
                raise Internal(f"{where} is {_kind_of(item)}, not a {expected.__name__}")
            for fault in self._faults(item):
                raise Internal(f"{where}: {fault}")
        return tuple(result)

    def _faults(self, item: Any) -> Iterator[str]:
        if not (isinstance(item.name, str) and re.fullmatch(self.name, item.name)):
            yield f"the name {item.name!r} does not match {self.name}"
        for field in self.references:
            reference = getattr(item, field)
            if not (isinstance(reference, str) and _REFERENCE.fullmatch(reference)):
                yield f"{field} of {item.name!r} is {reference!r}, not 'package.module:attribute'"
        for scheme in _strings(getattr(item, "schemes", ())):
            if not _SCHEME.fullmatch(scheme):
                yield f"scheme {scheme!r} of {item.name!r} does not match {_SCHEME.pattern}"


def _strings(value: object) -> tuple[str, ...]:
    # A lone string where a tuple belongs is the usual slip: ("s3") for ("s3",).
    if isinstance(value, (tuple, list)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return (repr(value),)


def _kind_of(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


STORAGES: Kind[StorageType] = Kind("storage", "ostler_storages", "ostler.spi.storage:StorageType")
KVS: Kind[KvType] = Kind("key-value store", "ostler_kvs", "ostler.spi.kv:KvType")
EXECUTORS: Kind[ExecutorType] = Kind(
    "executor", "ostler_executors", "ostler.spi.executor:ExecutorType"
)
STEP_TYPES: Kind[Any] = Kind(
    "step type",
    "ostler_step_types",
    "ostler.spi.steps:StepType",
    name=r"[A-Za-z0-9_]+",
    references=("model", "run"),
)
CONFIG_FORMATS: Kind[ConfigFormat] = Kind(
    "run-config format",
    "ostler_config_formats",
    "ostler.spi.configs:ConfigFormat",
    references=("read",),
)

KINDS: tuple[Kind[Any], ...] = (STORAGES, KVS, EXECUTORS, STEP_TYPES, CONFIG_FORMATS)
