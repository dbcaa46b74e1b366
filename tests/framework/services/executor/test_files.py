from __future__ import annotations

from pathlib import Path

import pytest

from ostler.errors import Internal
from ostler.runs.model import OutputPhase, Status, Step, StepPhase
from ostler.services.api import TaskReport
from ostler.services.executor.files import TaskFiles, kept_outcomes

REPORT = TaskReport(
    task_id="t1",
    status=Status.FAILED,
    setup=Step(phase=StepPhase.SUCCESS, start_time=1.0, end_time=2.5, log=OutputPhase.FINISHED),
    steps=(
        Step(phase=StepPhase.FAILED, start_time=3.0, end_time=4.0, exit_code=2),
        Step(phase=StepPhase.CANCELLED, archive=OutputPhase.NOTSTARTED),
    ),
    start_time=1.0,
    end_time=5.0,
    reason="step 'x' failed with exit code 2",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    return tmp_path


def test_a_kept_end_is_read_as_it_was(folder: Path) -> None:
    files = TaskFiles(folder, "t1")
    files.keep(REPORT)
    assert list(kept_outcomes(folder)) == [REPORT]
    files.remove()
    assert list(kept_outcomes(folder)) == []


def test_a_damaged_end_is_said(folder: Path) -> None:
    (folder / "tasks/t1.outcome.json").write_text("{")
    with pytest.raises(Internal, match=r"t1\.outcome\.json is damaged"):
        list(kept_outcomes(folder))


def test_what_an_earlier_life_left_is_removed_and_nothing_of_another_task(folder: Path) -> None:
    for name in ("t1.setup.log", "t1.0.log", "t1.1.tar", "t1.outcome.json", "t10.0.log"):
        (folder / "tasks" / name).touch()
    files = TaskFiles(folder, "t1")
    files.find()
    files.remove()
    files.remove()
    assert [path.name for path in (folder / "tasks").iterdir()] == ["t10.0.log"]
