"""The examples of the page run as they stand."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from ...support import require

PAGE = Path(__file__).parents[3] / "docs" / "filesystem.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pandas", "pyarrow", "duckdb"):
        if importlib.util.find_spec(name) is None:
            require(name, "it is not installed")
    monkeypatch.setenv("OSTLER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OSTLER_STORAGE", raising=False)
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    script = "\n".join(examples).replace("/tmp/measurements", str(tmp_path / "measurements"))
    names: dict[str, object] = {}
    exec(compile(script, str(PAGE), "exec"), names)
    names.pop("database").close()  # type: ignore[attr-defined]
    assert (tmp_path / "measurements" / "weather" / "january.csv").exists()
    assert (tmp_path / "home" / "storage" / "weather" / "one.parquet").exists()
