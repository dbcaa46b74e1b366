"""What a plugin says of itself and of the types that it offers.

A *declaration* is a light module behind an entry point of the group
``ostler.plugins``. It imports this package and nothing heavy; what does the
work is named by a *reference*, ``"package.module:attribute"``, and is imported
when it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ostler.errors import Internal

__all__ = ["ENTRY_POINT_GROUP", "SPI_VERSION", "Reference", "TypeInfo", "load_reference"]

ENTRY_POINT_GROUP = "ostler.plugins"

SPI_VERSION = (1, 0)
"""(major, minor) of this interface.

A declaration states the one that it was written for as the module attribute
``ostler_spi_version = (major, minor)``. The host serves the same major with
the same or an earlier minor.
"""

Reference = str
"""``"package.module:attribute"``."""


def load_reference(reference: Reference) -> Any:
    """Import what a reference names.

    :raises Internal: the reference is malformed, its module cannot be
        imported, or the attribute is missing; the cause is attached.
    """
    module_name, separator, attribute = reference.partition(":")
    if not (separator and module_name and attribute):
        raise Internal(f"{reference!r} is not a reference of the form 'package.module:attribute'")
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Internal(f"cannot load {reference!r}: {error}") from error
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeInfo:
    """What every type that a plugin offers has in common.

    :param name: unique among the types of its kind: lower-case letters,
        digits and ``-``.
    :param summary: one line for listings.
    :param settings: reference to the pydantic model of its settings.
    :param factory: reference to a callable; each kind says with what it is
        called and what it returns.
    :param labels: anything else worth showing in ``ostler plugins show``.
    """

    name: str
    summary: str
    settings: Reference
    factory: Reference
    labels: Mapping[str, str] = field(default_factory=dict)
