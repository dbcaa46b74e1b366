from collections.abc import Mapping
from pathlib import Path

import pytest

from ostler.errors import BadRequest, NotFound
from ostler.runs.reader import CANDIDATES, ConfigError, Source, find_config, read_config
from ostler.spi.configs import ConfigFormat

from .conftest import STEP_TYPES, Read

LEAST = "runs: [{name: ci, tasks: [{name: build}]}]\n"


def write(path: Path, text: str = LEAST) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_the_first_that_exists_is_found(tmp_path: Path) -> None:
    for name in reversed(CANDIDATES):
        write(tmp_path / name)
        assert tmp_path / name == find_config(tmp_path)


def test_what_was_tried_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        find_config(tmp_path)
    assert all(name in caught.value.message for name in CANDIDATES)


@pytest.mark.parametrize("name", CANDIDATES[:2])
def test_a_format_that_no_plugin_reads(name: str, tmp_path: Path, read: Read) -> None:
    write(tmp_path / name)
    with pytest.raises(BadRequest) as caught:
        read(path=find_config(tmp_path))
    assert "no installed plugin reads" in caught.value.message
    assert "install a plugin" in caught.value.message
    assert "suffixes that are read: .json, .yaml, .yml" in caught.value.message


def test_a_format_of_another_plugin(tmp_path: Path, formats: Mapping[str, ConfigFormat]) -> None:
    path = write(tmp_path / ".agola" / "config.jsonnet")
    file = read_config(
        path,
        formats={**formats, ".jsonnet": formats[".yml"]},
        step_types=STEP_TYPES,
        variables={},
        source=Source(),
    )
    assert [run.name for run in file.runs] == ["ci"]


def test_the_longest_suffix_decides(tmp_path: Path, formats: Mapping[str, ConfigFormat]) -> None:
    path = write(tmp_path / "a.tar.yml", "{}")
    with pytest.raises(ConfigError, match=":1: "):
        read_config(
            path,
            formats={**formats, ".tar.yml": formats[".json"]},
            step_types={},
            variables={},
            source=Source(),
        )


def test_no_such_file(tmp_path: Path, read: Read) -> None:
    with pytest.raises(NotFound):
        read(path=tmp_path / "none.yml")


def test_a_directory_is_not_a_file(tmp_path: Path, read: Read) -> None:
    (tmp_path / "folder.yml").mkdir()
    with pytest.raises(BadRequest, match="cannot be read"):
        read(path=tmp_path / "folder.yml")


def test_files_below_the_working_directory_are_shown_as_they_are_known(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "below" / "x.yml", "runs: []")
    with pytest.raises(ConfigError, match=r"^below/x\.yml:1: "):
        read(path=path)
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ConfigError, match=r"^x\.yml:1: "):
        read(path=path)


def test_a_byte_order_mark_is_no_text(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "bom.json"
    path.write_bytes(b'\xef\xbb\xbf{"runs": [{"name": "ci", "tasks": [{"name": "a"}]}]}')
    assert read(path=path).runs[0].name == "ci"
