"""Results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ._exit import silence

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "error_console",
    "nobody_listens",
    "on_terminal",
    "print_json",
    "print_table",
    "say",
    "show_cursor",
]


def print_json(value: Any) -> None:
    """Print one JSON value as the result."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """Tell the person something that is not the result; if nobody reads it, that is no error."""
    # Not click.echo: it writes past the live display, which then draws over it.
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        nobody_listens()


def nobody_listens() -> None:
    """Settle that nobody reads standard error any more: what follows is written into nothing."""
    silence(2)


def on_terminal() -> bool:
    """Return whether standard error is a terminal that can draw."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def error_console() -> Console:
    """Return a console on standard error, for what is live or colourful."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def show_cursor(console: Console) -> None:
    """Undo what a live display does to the terminal, where it cannot do so itself any more.

    Safe in a signal handler.
    """
    os.write(console.file.fileno(), b"\x1b[?25h\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table: for people on a terminal, else in plain aligned columns."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, texts)
    else:
        _print_plain([[name.upper() for name in columns], *texts])


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        # The first column is what one copies: ids and names stay whole.
        table.add_column(name.upper(), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def _print_plain(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
