from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostler.archives import Selection
from ostler.errors import BadRequest

Pack = Callable[..., dict[str, tuple[str, object]]]
BodyOf = Callable[..., bytes]

names = st.sampled_from(["a", "b", "c.txt", "d.py", ".e"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
patterns = st.lists(
    st.sampled_from(["*", "**", "a", "*.py", "**/*.txt", "a/*", "b/**", ".*"]),
    min_size=1,
    max_size=2,
    unique=True,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir(mode=0o750)
    (tmp_path / "bin").chmod(0o750)
    (tmp_path / "bin/tool").write_text("#!/bin/sh\n")
    (tmp_path / "bin/tool").chmod(0o755)
    (tmp_path / "lib/deep").mkdir(parents=True)
    (tmp_path / "lib/deep/a.py").write_text("a")
    (tmp_path / "lib/b.py").write_text("b")
    (tmp_path / "lib/link.py").symlink_to("deep/a.py")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_everything(tree: Path, packed: Pack) -> None:
    assert packed(Selection(source_dir=str(tree))) == {
        "bin": ("dir", "0o750"),
        "bin/tool": ("file", b"#!/bin/sh\n"),
        "empty": ("dir", "0o755"),
        "lib": ("dir", "0o755"),
        "lib/b.py": ("file", b"b"),
        "lib/deep": ("dir", "0o755"),
        "lib/deep/a.py": ("file", b"a"),
        "lib/link.py": ("symlink", "deep/a.py"),
    }


def test_directories_above_come_with_their_modes_and_no_others(tree: Path, packed: Pack) -> None:
    found = packed(Selection(source_dir=str(tree), dest_dir="/out/", paths=["bin/*", "**/a.py"]))
    assert list(found) == [
        "out/bin",
        "out/bin/tool",
        "out/lib",
        "out/lib/deep",
        "out/lib/deep/a.py",
    ]
    assert found["out/bin"] == ("dir", "0o750")


def test_several_selections_make_one_archive(tree: Path, packed: Pack) -> None:
    first = Selection(source_dir=str(tree / "bin"), dest_dir="x")
    second = Selection(source_dir=str(tree / "lib"), dest_dir="./y", paths=["*.py"])
    assert list(packed(first, second)) == ["x/tool", "y/b.py", "y/link.py"]


def test_modes_and_times_are_kept_to_the_fraction(tree: Path, body_of: BodyOf) -> None:
    os.utime(tree / "bin/tool", ns=(0, 1_700_000_000_123_456_789))
    data = body_of(Selection(source_dir=str(tree), dest_dir="z", paths=["bin/tool"]))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.getmember("z/bin/tool")
    assert member.mode == 0o755
    assert member.mtime == pytest.approx(1_700_000_000.123456, abs=1e-5)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["*"], {"a": ("file", b"shared"), "b": ("link", "a"), "c": ("link", "a")}),
        (["b", "c"], {"b": ("file", b"shared"), "c": ("link", "b")}),
        (["c"], {"c": ("file", b"shared")}),
    ],
)
def test_hard_links(tmp_path: Path, packed: Pack, paths: list[str], expected: object) -> None:
    (tmp_path / "a").write_text("shared")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").hardlink_to(tmp_path / "a")
    assert packed(Selection(source_dir=str(tmp_path), paths=paths)) == expected


def test_names_of_any_length_and_of_any_bytes(tmp_path: Path, packed: Pack) -> None:
    deep = tmp_path.joinpath(*["directory-with-a-long-name"] * 12)
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    odd = os.fsdecode(b"odd-\xff-name")
    (tmp_path / odd).write_text("y")
    found = packed(Selection(source_dir=str(tmp_path), dest_dir="below"))
    assert found[f"below/{deep.relative_to(tmp_path)}/file"] == ("file", b"x")
    assert found[f"below/{odd}"] == ("file", b"y")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["*.rs"], r"nothing in .* matches '\*\.rs'"),
        (["bin", "nope", "*.rs"], r"matches 'nope', '\*\.rs'"),
    ],
)
def test_a_pattern_that_matches_nothing_is_named(
    tree: Path, packed: Pack, paths: list[str], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        packed(Selection(source_dir=str(tree), paths=paths))


def test_a_source_directory_that_does_not_exist_is_named(tree: Path, packed: Pack) -> None:
    with pytest.raises(BadRequest, match=r"no directory .*/nope to take 'x' from"):
        packed(Selection(source_dir=str(tree / "nope"), paths=["x"]))


@pytest.mark.parametrize("target", ["/usr/bin/python3", "../../outside", "deep/../../../x"])
def test_a_link_that_could_not_be_restored_is_refused(
    tree: Path, packed: Pack, target: str
) -> None:
    (tree / "lib/bad").symlink_to(target)
    with pytest.raises(BadRequest, match=r"'lib/bad' is a link to .* outside of the archive"):
        packed(Selection(source_dir=str(tree), paths=["lib"]))
    assert "lib/b.py" in packed(Selection(source_dir=str(tree), paths=["lib/*.py"]))


def test_a_link_within_the_archive_may_lead_out_of_its_source_directory(
    tree: Path, packed: Pack
) -> None:
    (tree / "lib/up").symlink_to("../bin/tool")
    found = packed(Selection(source_dir=str(tree / "lib"), dest_dir="lib"))
    assert found["lib/up"] == ("symlink", "../bin/tool")


@pytest.mark.parametrize("dest_dir", ["..", "/../x", "a/../../b"])
def test_a_destination_outside_of_the_archive_is_refused(
    tree: Path, packed: Pack, dest_dir: str
) -> None:
    with pytest.raises(BadRequest, match="dest_dir"):
        packed(Selection(source_dir=str(tree), dest_dir=dest_dir))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(files=st.sets(paths, min_size=1, max_size=6), chosen=patterns)
def test_what_is_packed_is_what_matches_and_what_is_above_it(
    tmp_path_factory: pytest.TempPathFactory, packed: Pack, files: set[str], chosen: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    for file in sorted(files, key=len, reverse=True):
        path = folder / file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
    everything = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    roots = {pattern: _matching(folder, pattern) for pattern in chosen}
    if not all(roots.values()):
        with pytest.raises(BadRequest, match="matches"):
            packed(Selection(source_dir=str(folder), paths=chosen))
        return
    matched = set().union(*roots.values())
    inside = {name for name in everything if any(_is_at_or_below(name, root) for root in matched)}
    above = {str(parent) for name in inside for parent in Path(name).parents} - {"."}
    assert set(packed(Selection(source_dir=str(folder), paths=chosen))) == inside | above


def _matching(folder: Path, pattern: str) -> set[str]:
    """What pathlib finds; there `**` alone means directories, here everything below."""
    found = folder.glob(pattern + "/*" if pattern.endswith("**") else pattern)
    return {str(path.relative_to(folder)) for path in found}


def _is_at_or_below(name: str, root: str) -> bool:
    return name == root or name.startswith(root + "/")
