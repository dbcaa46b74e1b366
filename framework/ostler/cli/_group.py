"""The group of all commands. None of them is imported until it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ostler import __version__

from ._exit import reader_gone
from ._lazy import LazyGroup

__all__ = ["COMMANDS", "group"]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("ostler.cli.run:command", "Run a run config here, and wait for its end."),
    "runs": ("ostler.cli.runs:command", "List runs, newest first."),
    "logs": ("ostler.cli.logs:command", "Show the logs of a run; -f follows them."),
    "approve": ("ostler.cli.approve:command", "Approve a task that waits for it."),
    "stop": ("ostler.cli.stop:command", "Stop a run that is running."),
    "cancel": ("ostler.cli.cancel:command", "Cancel a run that is queued."),
    "restart": ("ostler.cli.restart:command", "Run again, all of it or what had not succeeded."),
    "remove": ("ostler.cli.remove:command", "Remove runs that are over, with what only they left."),
    "data": ("ostler.cli.data:command", "Look after the database in which runs are kept."),
    "storage": ("ostler.cli.storage:command", "List, read, store, copy and remove objects."),
    "plugins": ("ostler.cli.plugins:command", "List, show, check and make plugins."),
    "doctor": (
        "ostler.cli.doctor:command",
        "Show what is in force, from where, and what is wrong.",
    ),
}
"""Reference and short help of every command of our own, in the order of the help."""


class _Commands(LazyGroup):
    """Our commands; a name that is none of ours is looked for among the plugins'."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return super().get_command(ctx, cmd_name)
        from ._plugin_commands import plugin_command

        return plugin_command(cmd_name)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)  # prints help
        except BrokenPipeError:
            raise click.exceptions.Exit(reader_gone()) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return reader_gone()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from ._errors import present

            return present(error, debug=bool(ctx.params.get("debug")))


@click.group(
    cls=_Commands,
    references=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ostler", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="OSTLER_DEBUG", help="Show tracebacks of errors.")
def group(debug: bool) -> None:
    """Run graphs of tasks; keep their logs, workspaces and caches in object storage.

    Plugins may add commands of their own: see `ostler plugins show`.
    """
