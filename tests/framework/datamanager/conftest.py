from __future__ import annotations

from pathlib import Path

import pytest

from .files_support import Files, memory_storage, posix_storage


@pytest.fixture(params=["memory", "posix"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files(memory_storage() if request.param == "memory" else posix_storage(tmp_path))
