import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ostler.runs.reader import ConfigError, Problem

from .conftest import Read

CONFIGS = Path(__file__).parent / "bad_configs"
FILES = sorted(
    path.name for path in CONFIGS.glob("*.*") if path.name not in ("table.py", "table.json")
)


def load_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bad_configs_table", CONFIGS / "table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = load_table()


def test_every_file_is_in_the_table() -> None:
    assert sorted(TABLE.BAD) == FILES
    assert len(FILES) >= 30


@pytest.mark.parametrize("name", FILES)
def test_each_mistake_is_named(name: str, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONFIGS)
    with pytest.raises(ConfigError) as caught:
        read(path=CONFIGS / name, variables={"token": "s3cret"})
    expected = [f"{name}:{message}" for message in TABLE.BAD[name]["messages"]]
    assert expected == str(caught.value).splitlines()


def test_the_docs_have_the_present_table() -> None:
    text = TABLE.PAGE.read_text()
    assert TABLE.page(text) == text


def test_problems_carry_their_parts(read: Read) -> None:
    with pytest.raises(ConfigError) as caught:
        read(
            "runs:\n- name: ci\n  tasks:\n  - name: build\n    steps:\n    - run: {comand: x, command: y}\n"
        )
    problem = Problem(
        file="ostler.yml",
        line=6,
        run="ci",
        task="build",
        step="1 (run)",
        message='unknown key "comand" (did you mean "command"?)',
    )
    assert (problem,) == caught.value.problems
    assert caught.value.code == "bad_config"
    assert caught.value.details["problems"][0]["line"] == 6
