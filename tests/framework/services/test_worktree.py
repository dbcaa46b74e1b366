from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ostler.errors import Unavailable
from ostler.services.worktree import snapshot, toplevel

IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "ann"), ("EMAIL", "ann@localhost"))
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env={**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": "/dev/null"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "a tree"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("1")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_the_top_of_a_tree_and_of_none(tree: Path, tmp_path: Path) -> None:
    (tree / "sub").mkdir()
    assert toplevel(tree / "sub") == tree
    assert toplevel(tmp_path) is None


def test_without_git_there_is_no_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert toplevel(tree) is None


def test_a_clean_tree_is_its_head(tree: Path) -> None:
    (tree / "ignored").write_text("not seen")
    assert snapshot(tree) == git(tree, "rev-parse", "HEAD")


def test_what_is_not_committed_is_in_the_snapshot_and_nothing_of_the_repository_changes(
    tree: Path,
) -> None:
    (tree / "file").write_text("2")
    (tree / "new").write_text("n")
    (tree / "ignored").write_text("not seen")
    (tree / "staged").write_text("s")
    git(tree, "add", "staged")
    before = git(tree, "status", "--porcelain"), git(tree, "for-each-ref")
    commit = snapshot(tree)
    assert (git(tree, "status", "--porcelain"), git(tree, "for-each-ref")) == before
    assert git(tree, "ls-tree", "--name-only", commit).split() == [
        ".gitignore",
        "file",
        "new",
        "staged",
    ]
    assert git(tree, "show", f"{commit}:file") == "2"
    assert git(tree, "rev-parse", f"{commit}^") == git(tree, "rev-parse", "HEAD")


def test_a_removed_file_is_not_in_the_snapshot(tree: Path) -> None:
    (tree / "file").unlink()
    assert git(tree, "ls-tree", "--name-only", snapshot(tree)) == ".gitignore"


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    commit = snapshot(tmp_path)
    assert git(tmp_path, "rev-list", "--count", commit) == "1"
    assert git(tmp_path, "show", f"{commit}:file") == "1"


def test_a_linked_working_tree(tree: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(tree, "worktree", "add", "-q", str(linked))
    (linked / "file").write_text("3")
    assert git(linked, "show", f"{snapshot(linked)}:file") == "3"


def test_what_git_says_when_it_fails(tree: Path) -> None:
    (tree / ".git" / "index").write_bytes(b"damaged")
    with pytest.raises(Unavailable, match=r"git add failed in .*a tree: .*index"):
        snapshot(tree)


def test_a_git_hook_may_run_it_for_another_repository(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    head = git(tree, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert toplevel(tree) == tree
    assert snapshot(tree) == head


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
def test_the_tree_may_belong_to_somebody_else(tree: Path) -> None:
    head = git(tree, "rev-parse", "HEAD")
    for path in (tree, tree / ".git"):
        os.chown(path, 65534, 65534)
    assert toplevel(tree) == tree
    assert snapshot(tree) == head
