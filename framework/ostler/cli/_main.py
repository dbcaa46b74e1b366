from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from ._exit import Exit, reader_gone

__all__ = ["run"]


def run(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Run a command group and return the exit code; nothing is raised but `SystemExit` of a command."""
    _open_standard_streams()
    try:
        code = _invoke(group, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_gone()
    return code


def _open_standard_streams() -> None:
    """Put nothing where a standard stream was closed: else the next file opened would take its place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            assert descriptor == number  # the lowest that is free
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


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
    return result if isinstance(result, int) else Exit.SUCCESS
