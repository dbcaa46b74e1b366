"""The step `run`."""

from __future__ import annotations

import shlex
from functools import lru_cache

from ostler.errors import BadRequest
from ostler.spi import StepContext

from .models import RunStep

__all__ = ["run"]


def run(config: RunStep, context: StepContext) -> int:
    """Run the command as a script of the shell; return the shell's exit code."""
    return context.exec(
        _split(config.shell or context.shell),
        script=config.command.encode(),
        environment=config.environment,
        working_dir=config.working_dir or None,
        user=config.user or None,
        tty=config.tty,
    )


@lru_cache
def _split(shell: str) -> tuple[str, ...]:
    try:
        words = shlex.split(shell)
    except ValueError as error:
        raise BadRequest(f"the shell {shell!r} cannot be split into words: {error}") from error
    if not words:
        raise BadRequest(f"the shell {shell!r} names no program")
    return tuple(words)
