from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ._exit import Exit, reader_gone

__all__ = ["run"]


def run(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Run a command group and return the exit code; nothing is raised but `SystemExit` of a command."""
    try:
        code = _invoke(group, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_gone()
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
    return result if isinstance(result, int) else Exit.SUCCESS
