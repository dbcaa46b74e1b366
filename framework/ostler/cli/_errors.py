"""How an error looks to the person at the terminal, and which exit code it means."""

from __future__ import annotations

import os
import traceback

import click

from ostler.clock import SystemClock
from ostler.errors import Error, Internal, Unavailable, chain, innermost

from ._exit import Exit

__all__ = ["exit_code", "present"]


def exit_code(error: Error) -> Exit:
    """Return what an error means to the caller of ``ostler``."""
    if error.code == "cancelled":
        return Exit.STOPPED
    return Exit.INFRASTRUCTURE if isinstance(error, (Unavailable, Internal)) else Exit.USAGE


def present(error: Exception, *, debug: bool) -> Exit:
    """Print an error to standard error and return the exit code.

    A typed one is told with its causes. Any other is a defect: told by an id,
    under which the traceback is kept; with ``debug`` it is printed.
    """
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    typed = innermost(error)
    if typed is None:
        _present_defect(error, debug=debug)
        return Exit.INFRASTRUCTURE
    told = [item.message for item in chain(error) if isinstance(item, Error)]
    click.echo(f"error: {told[0]}", err=True)
    for message in dict.fromkeys(told[1:]):
        if message not in told[0]:
            click.echo(f"  because: {message}", err=True)
    return exit_code(typed)


def _present_defect(error: Exception, *, debug: bool) -> None:
    number = SystemClock().new_id()
    click.echo(f"error: ostler has a defect ({type(error).__name__}); id {number}", err=True)
    if debug:
        return
    try:
        kept = _keep(number, error)
    except Exception as unkept:
        # The error about the error must not hide the first one.
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        click.echo(f"  the traceback could not be kept in a file: {unkept}", err=True)
    else:
        click.echo(f"  the traceback is in {kept}; --debug shows it", err=True)


def _keep(number: str, error: Exception) -> str:
    from ostler.settings import default_home, ensure_home

    home = os.environ.get("OSTLER_HOME") or default_home(os.environ)
    path = os.path.join(ensure_home(os.path.join(home, "crashes")), f"{number}.txt")
    with open(path, "w", encoding="utf-8", opener=_private) as file:
        file.write("".join(traceback.format_exception(error)))
    return path


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
