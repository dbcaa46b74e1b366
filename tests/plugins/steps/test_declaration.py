from __future__ import annotations

import subprocess
import sys

import pytest

from ostler.spi.info import load_reference
from ostler.spi.steps import StepModel, StepType
from ostler_steps import ostler_spi_version, ostler_step_types


def test_the_types_and_what_is_said_of_them() -> None:
    types = {kind.name: (kind.shorthand, kind.archives) for kind in ostler_step_types()}
    assert ostler_spi_version == (1, 0)
    assert types == {
        "run": ("command", False),
        "clone": ("", False),
        "save_to_workspace": ("", True),
        "restore_workspace": ("", False),
        "save_cache": ("", False),
        "restore_cache": ("", False),
    }


@pytest.mark.parametrize("kind", ostler_step_types(), ids=lambda kind: kind.name)
def test_references_lead_to_models_and_callables(kind: StepType) -> None:
    assert issubclass(load_reference(kind.model), StepModel)
    assert callable(load_reference(kind.run))


def test_the_declaration_loads_no_step() -> None:
    code = "import sys, ostler_steps; ostler_steps.ostler_step_types(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in loaded if name.startswith("ostler_steps.")] == []
