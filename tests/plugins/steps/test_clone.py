from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ostler.errors import BadRequest
from ostler_steps.clone import clone
from ostler_steps.models import CloneStep

Context = Any

IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "tester"), ("EMAIL", "tester@localhost"))
}


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": "/dev/null"}
    allowed = ("-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *allowed, *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def commit(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", f"add {name}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path, context: Context) -> Path:
    folder = tmp_path / "a b'c"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder, "first", "1")
    commit(folder, "second", "2")
    context.variables = {"OSTLER_REPOSITORY_URL": str(folder), "HOME": str(tmp_path)}
    return folder


def test_a_commit_that_no_reference_leads_to(origin: Path, context: Context) -> None:
    (origin / "third").write_text("3")
    git(origin, "add", "third")
    tree = git(origin, "write-tree")
    loose = git(origin, "commit-tree", tree, "-p", "HEAD", "-m", "loose")
    git(origin, "reset", "-q", "--hard")
    context.variables |= {"OSTLER_COMMIT": loose, "OSTLER_BRANCH": "main"}
    assert clone(CloneStep(), context) == 0, context.output
    assert sorted(path.name for path in context.folder.iterdir()) == [
        ".git",
        "first",
        "second",
        "third",
    ]
    assert git(context.folder, "rev-parse", "HEAD", "main") == f"{loose}\n{loose}"
    assert "checked out" in context.output


@pytest.mark.parametrize(("depth", "commits"), [(None, "2"), (1, "1")])
def test_depth(origin: Path, context: Context, depth: int | None, commits: str) -> None:
    context.variables["OSTLER_COMMIT"] = git(origin, "rev-parse", "HEAD")
    assert clone(CloneStep(depth=depth), context) == 0, context.output
    assert git(context.folder, "rev-list", "--count", "HEAD") == commits
    assert git(context.folder, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["first", "second"]),
        ({"OSTLER_BRANCH": "main"}, ["first", "second"]),
        ({"OSTLER_TAG": "v1"}, ["first"]),
        ({"OSTLER_REF": "refs/pull/7/head"}, ["first", "second", "third"]),
    ],
)
def test_references(
    origin: Path, context: Context, variables: dict[str, str], expected: list[str]
) -> None:
    git(origin, "tag", "v1", "HEAD~1")
    git(origin, "checkout", "-q", "-b", "other")
    commit(origin, "third", "3")
    git(origin, "update-ref", "refs/pull/7/head", "HEAD")
    git(origin, "checkout", "-q", "main")
    context.variables |= variables
    assert clone(CloneStep(), context) == 0, context.output
    files = sorted(path.name for path in context.folder.iterdir())
    assert files == [".git", *expected]


def test_a_shallow_repository_is_cloned_as_far_as_it_goes(
    origin: Path, context: Context, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", str(shallow))
    context.variables = {"OSTLER_REPOSITORY_URL": str(shallow)}
    assert clone(CloneStep(), context) == 0
    assert git(context.folder, "rev-list", "--count", "HEAD") == "1"


def test_submodules(origin: Path, context: Context, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    commit(library, "lib.c", "int x;")
    git(origin, "submodule", "--quiet", "add", str(library), "lib")
    git(origin, "commit", "-q", "-m", "library")
    assert clone(CloneStep(depth=1, recurse_submodules=True), context) == 0, context.output
    assert (context.folder / "lib/lib.c").read_text() == "int x;"


def test_without_submodules_their_place_is_empty(
    origin: Path, context: Context, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    commit(library, "lib.c", "int x;")
    git(origin, "submodule", "--quiet", "add", str(library), "lib")
    git(origin, "commit", "-q", "-m", "library")
    assert clone(CloneStep(), context) == 0, context.output
    assert list((context.folder / "lib").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_repository_may_belong_to_somebody_else(origin: Path, context: Context) -> None:
    for path in (origin, *origin.rglob("*"), context.folder):
        os.chown(path, 12345, 12345)
    assert clone(CloneStep(), context) == 0, context.output


def test_again_in_the_same_directory(origin: Path, context: Context) -> None:
    assert clone(CloneStep(), context) == 0
    commit(origin, "third", "3")
    assert clone(CloneStep(), context) == 0, context.output
    assert (context.folder / "third").exists()


def test_what_is_in_the_way_is_named(origin: Path, context: Context) -> None:
    (context.folder / "first").write_text("mine")
    assert clone(CloneStep(), context) != 0
    assert "first" in context.output
    assert (context.folder / "first").read_text() == "mine"


def test_without_a_repository(context: Context) -> None:
    with pytest.raises(BadRequest, match=r"no repository to clone.*OSTLER_REPOSITORY_URL"):
        clone(CloneStep(), context)


@pytest.mark.parametrize("url", ["/nowhere/at/all", "--upload-pack=touch owned"])
def test_a_repository_that_does_not_exist(context: Context, url: str) -> None:
    context.variables = {"OSTLER_REPOSITORY_URL": url}
    assert clone(CloneStep(), context) != 0
    assert "does not" in context.output or "fatal" in context.output
    assert not (context.folder / "owned").exists()


def test_without_git(origin: Path, context: Context, tmp_path: Path) -> None:
    context.variables["PATH"] = str(tmp_path)
    assert clone(CloneStep(), context) == 127
    assert "there is no git here" in context.output


def test_nobody_is_asked_for_a_password(origin: Path, context: Context) -> None:
    clone(CloneStep(), context)
    assert context.execs[0]["environment"]["GIT_TERMINAL_PROMPT"] == "0"
