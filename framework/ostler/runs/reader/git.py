"""What git says of the place that a run config lies in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ostler.runs.when import Source

__all__ = ["git_command", "git_environment", "git_source", "given_source"]

_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_TIMEOUT = 10.0


# A git hook has these set for its own repository, which need not be the one that is asked about.
_OF_A_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)


def git_command(directory: Path, *arguments: str) -> list[str]:
    """Return the command that asks git in ``directory``, also when that belongs to somebody else.

    Who runs a run config trusts the repository that it came with.
    """
    return ["git", "-C", str(directory), "-c", "safe.directory=*", *arguments]


def git_environment() -> dict[str, str]:
    """Return this process's environment for git, without what would lead it to another repository."""
    return {name: value for name, value in os.environ.items() if name not in _OF_A_REPOSITORY}


def given_source(*, branch: str = "", tag: str = "", ref: str = "") -> Source | None:
    """Return the source that somebody named, each part completed from the others; None: no part is given."""
    if not (branch or tag or ref):
        return None
    if not ref:
        ref = f"{_HEADS}{branch}" if branch else f"{_TAGS}{tag}"
    if not (branch or tag):
        branch = ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else ""
        tag = ref.removeprefix(_TAGS) if ref.startswith(_TAGS) else ""
    return Source(branch, tag, ref)


def git_source(directory: Path) -> Source:
    """Return branch, tag and ref of the git working tree that ``directory`` lies in.

    The tag is one that points at the present commit. Empty where there is no
    repository, no commit, or no ``git``.
    """
    ref = _git(directory, "symbolic-ref", "--quiet", "HEAD")
    tag = _git(directory, "describe", "--tags", "--exact-match", "HEAD")
    return given_source(branch=ref.removeprefix(_HEADS), tag=tag, ref=ref) or Source()


def _git(directory: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            git_command(directory, *arguments),
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # no git is the same as no repository
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
