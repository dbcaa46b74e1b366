"""What the docs list is what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from ostler.host import State
from ostler.settings import Settings
from ostler.spi.hooks import HookSpecs
from ostler.testing import faults

DOCS = Path(__file__).parents[2] / "docs"


def _first_column(page: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", (DOCS / page).read_text(), re.MULTILINE)


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_setting_is_described() -> None:
    assert _first_column("settings.md") == list(_leaves(Settings))


def test_every_hook_and_every_state_is_described() -> None:
    listed = _first_column("plugin-authors.md")
    hooks = [name.partition("(")[0] for name in listed if name.startswith("ostler_")]
    assert hooks == [name for name in vars(HookSpecs) if name.startswith("ostler_")]
    states = [name for name in listed if name.islower() and not name.startswith("ostler_")]
    assert sorted(states) == sorted(state.value for state in State)


def test_every_fault_is_described() -> None:
    listed = re.findall(
        r"^\| `([A-Z]\w+)\(", (DOCS / "plugin-authors.md").read_text(), re.MULTILINE
    )
    exported = [getattr(faults, name) for name in faults.__all__]
    kinds = [item for item in exported if isinstance(item, type) and issubclass(item, faults.Fault)]
    assert sorted([*listed, "Fault"]) == sorted(kind.__name__ for kind in kinds)
