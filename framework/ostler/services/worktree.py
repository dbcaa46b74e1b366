"""The git working tree that a run config lies in, as something that a task can clone."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ostler.errors import Unavailable
from ostler.runs.reader.git import git_command, git_environment

__all__ = ["snapshot", "toplevel"]


def toplevel(directory: Path) -> Path | None:
    """Return the top of the git working tree that ``directory`` lies in; None: in none."""
    try:
        found = _git(directory, "rev-parse", "--show-toplevel")
    except (Unavailable, FileNotFoundError):
        return None
    return Path(found)


def snapshot(top: Path) -> str:
    """Return a commit that holds the working tree as it is, with all that git does not ignore.

    When nothing differs from ``HEAD`` that is ``HEAD``. Otherwise it is a new
    commit on top of it that no branch or tag refers to: neither the index nor
    any reference of the repository changes, and git removes it in its own time.

    :raises Unavailable: git fails, with what it said.
    """
    head = _head(top)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "index"
        index = {"GIT_INDEX_FILE": str(copy)}
        own = top / _git(top, "rev-parse", "--git-path", "index")
        if own.exists():
            shutil.copyfile(own, copy)  # it knows what has not changed since it was hashed
        _git(top, "add", "--all", environment=index)
        tree = _git(top, "write-tree", environment=index)
    if head and tree == _git(top, "rev-parse", f"{head}^{{tree}}"):
        return head
    parents = ["-p", head] if head else []
    return _git(top, "commit-tree", tree, *parents, "-m", "The working tree", environment=_AUTHOR)


_AUTHOR = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "ostler"), ("EMAIL", "ostler@localhost"))
}


def _head(top: Path) -> str | None:
    try:
        return _git(top, "rev-parse", "--verify", "--quiet", "HEAD")
    except Unavailable:
        return None  # a repository without a commit


def _git(top: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    finished = subprocess.run(
        git_command(top, *arguments),
        env={**git_environment(), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        said = finished.stderr.strip() or f"exit code {finished.returncode}"
        raise Unavailable(f"git {arguments[0]} failed in {top}: {said}")
    return finished.stdout.strip()
