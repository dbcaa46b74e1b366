import os
import subprocess
from pathlib import Path

import pytest

from ostler.runs.reader import Source, git_source, given_source

IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@localhost",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@localhost",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env=os.environ | IDENTITY,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "topic/a")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    return folder


def test_a_branch(repository: Path) -> None:
    assert Source("topic/a", "", "refs/heads/topic/a") == git_source(repository)


def test_a_folder_below(repository: Path) -> None:
    below = repository / "below"
    below.mkdir()
    assert Source("topic/a", "", "refs/heads/topic/a") == git_source(below)


def test_a_branch_whose_commit_has_a_tag(repository: Path) -> None:
    git(repository, "tag", "v1")
    assert Source("topic/a", "v1", "refs/heads/topic/a") == git_source(repository)


def test_a_tag_alone(repository: Path) -> None:
    git(repository, "tag", "v1")
    git(repository, "checkout", "--quiet", "v1")
    assert Source("", "v1", "refs/tags/v1") == git_source(repository)


def test_a_commit_without_a_name(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    assert Source() == git_source(repository)


def test_a_repository_without_commits(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    assert Source("main", "", "refs/heads/main") == git_source(tmp_path)


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert Source() == git_source(tmp_path)


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert Source() == git_source(repository)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"branch": "main"}, Source("main", "", "refs/heads/main")),
        ({"tag": "v1"}, Source("", "v1", "refs/tags/v1")),
        ({"ref": "refs/heads/a/b"}, Source("a/b", "", "refs/heads/a/b")),
        ({"ref": "refs/tags/v1"}, Source("", "v1", "refs/tags/v1")),
        ({"ref": "refs/pull/1/head"}, Source("", "", "refs/pull/1/head")),
        ({"branch": "main", "ref": "refs/x"}, Source("main", "", "refs/x")),
    ],
)
def test_a_source_that_is_given_is_completed(
    given: dict[str, str], expected: Source | None
) -> None:
    assert expected == given_source(**given)
