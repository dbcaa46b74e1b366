from __future__ import annotations

import subprocess
from pathlib import Path

from ostler.runs.when import Source

__all__ = ["git_source", "given_source"]

_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_TIMEOUT = 10.0


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
            ["git", "-C", str(directory), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # no git is the same as no repository
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
