from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from ._exit import Exit

__all__ = ["run"]


def run(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Run a command group and return the exit code; nothing is raised but `SystemExit` of a command."""
    try:
        code = _invoke(group, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    return code


def _invoke(group: click.Group, arguments: Sequence[str] | None) -> int:
    args = None if arguments is None else list(arguments)
    try:
        result = group.main(args, prog_name="ostler", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except click.Abort:
        click.echo("stopped", err=True)
        return Exit.STOPPED
    except SystemExit as error:
        # click makes an exit with code 1 of it, which would say that a run failed.
        if isinstance(error.__context__, BrokenPipeError):
            return Exit.BROKEN_PIPE
        raise
    return result if isinstance(result, int) else Exit.SUCCESS


def _reader_gone() -> int:
    # The interpreter flushes standard output once more as it ends: into nothing.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return Exit.BROKEN_PIPE
