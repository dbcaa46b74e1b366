from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from ostler.runs.reader import ConfigFile, Source, read_config
from ostler.spi.configs import ConfigFormat
from ostler.spi.steps import StepModel, StepType
from ostler_configfiles import ostler_config_formats

Read = Callable[..., ConfigFile]


class RunStep(StepModel):
    command: str = Field(min_length=1)
    environment: Mapping[str, str] = {}
    working_dir: str = ""
    tty: bool = True


class CloneStep(StepModel):
    depth: int | None = None
    recurse_submodules: bool = False


class Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    source_dir: str = "."
    paths: tuple[str, ...] = ("**",)


class SaveStep(StepModel):
    contents: Sequence[Content] = Field(min_length=1)


def step_type(
    name: str, model: type[StepModel], shorthand: str = "", archives: bool = False
) -> StepType:
    return StepType(
        name=name,
        summary=f"the {name} step",
        model=f"{__name__}:{model.__name__}",
        run="nowhere:run",
        shorthand=shorthand,
        archives=archives,
    )


STEP_TYPES = {
    one.name: one
    for one in (
        step_type("run", RunStep, shorthand="command"),
        step_type("clone", CloneStep),
        step_type("save_to_workspace", SaveStep, archives=True),
    )
}


@pytest.fixture(scope="session")
def formats() -> dict[str, ConfigFormat]:
    return {suffix: one for one in ostler_config_formats() for suffix in one.suffixes}


@pytest.fixture
def read(
    tmp_path: Path, formats: Mapping[str, ConfigFormat], monkeypatch: pytest.MonkeyPatch
) -> Read:
    """Read a text, or a file, as a run config."""
    monkeypatch.chdir(tmp_path)

    def read(
        text: str = "",
        *,
        path: Path | None = None,
        variables: Mapping[str, str] | None = None,
        source: Source | None = None,
    ) -> ConfigFile:
        if path is None:
            path = tmp_path / "ostler.yml"
            path.write_text(text)
        return read_config(
            path,
            formats=formats,
            step_types=STEP_TYPES,
            variables=variables or {},
            source=source or Source(),
        )

    return read
