"""The step `clone`."""

from __future__ import annotations

from collections.abc import Mapping

from ostler.errors import BadRequest
from ostler.spi import StepContext

from .models import CloneStep

__all__ = ["clone"]

_URL = "OSTLER_REPOSITORY_URL"


def clone(config: CloneStep, context: StepContext) -> int:
    """Check out the run's commit into the working directory; return git's exit code.

    The run says what to fetch: ``OSTLER_REPOSITORY_URL``, and of
    ``OSTLER_COMMIT``, ``OSTLER_REF``, ``OSTLER_TAG`` and ``OSTLER_BRANCH``
    what is known; none of them means the repository's ``HEAD``.

    :raises BadRequest: the run has no repository.
    """
    environment = context.environment
    url = environment.get(_URL)
    if not url:
        raise BadRequest(
            f"there is no repository to clone: the run config lies in no git working tree, "
            f"and {_URL} is not set"
        )
    return context.exec(
        ("/bin/sh",),
        script=_SCRIPT,
        environment={
            "GIT_TERMINAL_PROMPT": "0",
            "CLONE_DEPTH": str(config.depth or ""),
            "CLONE_SUBMODULES": "yes" if config.recurse_submodules else "",
            "CLONE_LOCAL": "yes" if url.startswith(("/", "file://")) else "",
            "CLONE_REF": _ref(environment),
            "CLONE_COMMIT": environment.get("OSTLER_COMMIT", ""),
            "CLONE_BRANCH": environment.get("OSTLER_BRANCH", ""),
        },
    )


def _ref(environment: Mapping[str, str]) -> str:
    named = (
        ("OSTLER_REF", "{}"),
        ("OSTLER_TAG", "refs/tags/{}"),
        ("OSTLER_BRANCH", "refs/heads/{}"),
    )
    for name, form in named:
        if value := environment.get(name):
            return form.format(value)
    return "HEAD"


# A local repository may belong to another user, may be shallow (as those of CI
# systems are) and is asked for a commit that no reference leads to; other
# servers are asked for such a commit, and for the reference with its history
# when they do not give it away.
_SCRIPT = rb"""
set -eu

command -v git >/dev/null || {
  echo "error: there is no git here, which the step clone needs" >&2
  exit 127
}

git_() { git -c safe.directory='*' -c advice.detachedHead=false "$@"; }

fetch() {
  if [ -n "$CLONE_LOCAL" ]; then
    git_ fetch --quiet --no-tags --update-shallow \
      --upload-pack='git -c safe.directory="*" -c uploadpack.allowAnySHA1InWant=true upload-pack' \
      "$@"
  else
    git_ fetch --quiet --no-tags "$@"
  fi
}

git_ init --quiet .
git_ remote remove origin 2>/dev/null || true
git_ remote add -- origin "$OSTLER_REPOSITORY_URL"

if [ -z "$CLONE_COMMIT" ]; then
  fetch ${CLONE_DEPTH:+"--depth=$CLONE_DEPTH"} -- origin "$CLONE_REF"
  CLONE_COMMIT=FETCH_HEAD
elif ! fetch ${CLONE_DEPTH:+"--depth=$CLONE_DEPTH"} -- origin "$CLONE_COMMIT"; then
  echo "the repository does not give that commit away by itself, fetching $CLONE_REF" >&2
  fetch -- origin "$CLONE_REF"
fi

if [ -n "$CLONE_BRANCH" ]; then
  git_ checkout --quiet -B "$CLONE_BRANCH" "$CLONE_COMMIT" --
else
  git_ checkout --quiet --detach "$CLONE_COMMIT" --
fi

if [ -n "$CLONE_SUBMODULES" ]; then
  git_ ${CLONE_LOCAL:+-c protocol.file.allow=always} submodule --quiet update \
    --init --recursive ${CLONE_DEPTH:+"--depth=$CLONE_DEPTH"}
fi

git_ --no-pager log -1 --format='checked out %h %s'
"""
