"""``ostler doctor``: what is in force, from where, and what is wrong."""

from __future__ import annotations

import click

from . import _doctor
from ._exit import Exit
from ._options import Instance, instance_options, json_option
from ._output import print_json, print_table

__all__ = ["command"]


@click.command("doctor")
@instance_options
@json_option
def command(instance: Instance, as_json: bool) -> int:
    """Show what is in force, from where, and what is wrong.

    Imports every plugin and connects to nothing. Secrets are not shown. The exit code is 2 when
    something is wrong.
    """
    findings = _doctor.examine(instance)
    if as_json:
        print_json(findings.as_json())
    else:
        _print(findings)
    return Exit.USAGE if findings.problems else Exit.SUCCESS


def _print(findings: _doctor.Findings) -> None:
    rows = [(fact.name, fact.value, fact.origin) for fact in findings.facts]
    print_table(("what", "value", "from"), rows)
    click.echo()
    for problem in findings.problems:
        click.echo(f"problem: {problem}")
    if not findings.problems:
        click.echo("no problem found")
