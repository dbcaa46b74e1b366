from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ostler.runs.reader import ConfigFile, Source, find_config, read_config
from ostler.runs.reader.conditions import KINDS
from ostler.runs.reader.pods import CONTAINER_KEYS, CREDENTIALS, RUNTIME_KEYS
from ostler.runs.reader.runs import FILE_KEYS, RUN_KEYS
from ostler.runs.reader.tasks import TASK_KEYS
from ostler.spi.configs import ConfigFormat
from ostler.spi.info import load_reference
from ostler_steps import ostler_step_types

EXAMPLES = Path(__file__).parents[3] / "examples"
AGOLA = EXAMPLES / "agola"
FOLDERS = sorted(path.name for path in AGOLA.iterdir() if path.is_dir())
VARIABLES = {"registry_password": "x1y2z3", "database_password": "a4b5c6"}

# Keys of ours that Agola does not know, and one that only its old files have.
OURS = {"approvals", "labels", "version"}


def read(
    folder: Path, formats: Mapping[str, ConfigFormat], source: Source | None = None
) -> ConfigFile:
    return read_config(
        find_config(folder),
        formats=formats,
        step_types={one.name: one for one in ostler_step_types()},
        variables=VARIABLES,
        source=source or Source(),
    )


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for below in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from keys(below)


@pytest.mark.parametrize("name", FOLDERS)
def test_configs_of_agola_are_read_unchanged(
    name: str, formats: Mapping[str, ConfigFormat]
) -> None:
    [run] = read(AGOLA / name, formats).runs
    assert run.matches
    assert all(task.steps for task in run.tasks)


def test_they_have_every_key(formats: Mapping[str, ConfigFormat]) -> None:
    found: set[str] = set()
    for name in FOLDERS:
        path = find_config(AGOLA / name)
        document = load_reference(formats[path.suffix].read)(path.read_text(), path.name)
        found.update(keys(document.value))
    steps = {key for one in ostler_step_types() for key in load_reference(one.model).model_fields}
    known = {
        *FILE_KEYS,
        *RUN_KEYS,
        *TASK_KEYS,
        *RUNTIME_KEYS,
        *CONTAINER_KEYS,
        *CREDENTIALS,
        *KINDS,
        *steps,
    }
    assert sorted((known - found) - OURS) == []


@pytest.mark.parametrize(
    ("source", "skipped"),
    [
        (Source(), True),
        (Source(branch="main"), True),
        (Source(branch="release"), False),
        (Source(tag="v2.0"), False),
        (Source(tag="v1.0"), True),
        (Source(branch="release", tag="v1.0"), True),
        (Source(ref="refs/releases/3"), False),
    ],
)
def test_the_release_notes_are_for_releases(
    source: Source, skipped: bool, formats: Mapping[str, ConfigFormat]
) -> None:
    [run] = read(AGOLA / "graph", formats, source).runs
    assert [task.skip for task in run.tasks if task.name == "release notes"] == [skipped]


def test_variables_are_secrets(formats: Mapping[str, ConfigFormat]) -> None:
    [run] = read(AGOLA / "services", formats).runs
    assert sorted(VARIABLES.values()) == sorted(run.tasks[0].secrets)
