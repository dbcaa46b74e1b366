"""``ostler data``: the database of runs, for those who look after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO

import click

from ostler.compose import Composition
from ostler.datamanager import Problem, export_lines, import_lines, rescue
from ostler.errors import Internal
from ostler.services.runservice import MergeRuns

from ._exit import Exit
from ._options import Instance, instance_options, json_option
from ._output import print_json, print_table, say

__all__ = ["command"]


@click.group("data")
def command() -> None:
    """Look after the database in which runs are kept."""


@command.command("status")
@json_option
@instance_options
def status_command(*, as_json: bool, instance: Instance) -> None:
    """Show where the database stands."""
    with Composition(instance.settings()) as composition:
        status = composition.datamanager.status()
    told = status.published is not None and status.published <= status.commit
    shown = {**asdict(status), "agree": told}
    if as_json:
        print_json(shown)
    else:
        print_table(["what", "value"], [[name, value] for name, value in shown.items()])


@command.command("checkpoint")
@json_option
@instance_options
def checkpoint_command(*, as_json: bool, instance: Instance) -> None:
    """Bring everything committed into data files, which makes starting quick."""
    with Composition(instance.settings()) as composition:
        report = composition.datamanager.checkpoint()
    if as_json:
        print_json(asdict(report))
    else:
        say(f"manifest {report.manifest} reaches up to commit {report.commit}")


@command.command("gc")
@json_option
@instance_options
def gc_command(*, as_json: bool, instance: Instance) -> None:
    """Remove what is not needed any more and older than the grace period."""
    with Composition(instance.settings()) as composition:
        report = composition.datamanager.collect()
    if as_json:
        print_json(asdict(report))
    else:
        say(f"removed {report.commits} commits, {report.manifests} manifests, {report.files} files")


@command.command("verify")
@json_option
@instance_options
def verify_command(*, as_json: bool, instance: Instance) -> Exit:
    """Read every byte that the database rests on; list what is damaged or missing (exit code 4)."""
    with Composition(instance.settings()) as composition:
        problems = _problems(composition)
    if as_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    elif problems:
        print_table(["object", "problem"], [[each.object, each.reason] for each in problems])
    else:
        say("everything is whole")
    return Exit.INFRASTRUCTURE if problems else Exit.SUCCESS


def _problems(composition: Composition) -> list[Problem]:
    try:
        return list(composition.datamanager.verify())
    except Internal as error:  # so damaged that it cannot be opened
        found = Problem(str(error.details.get("object", "")), error.message)
        more = rescue(composition.ost).problems
        return [found, *(problem for problem in more if problem.object != found.object)]


@command.command("export")
@click.argument("file", required=False, default="-")
@click.option(
    "--up-to", type=click.IntRange(min=0), metavar="N", help="Only what was committed by number N."
)
@instance_options
def export_command(*, file: str, up_to: int | None, instance: Instance) -> Exit:
    """Write all entries to FILE (- or none: standard output), as lines of JSON.

    What is damaged is left out and told (exit code 4); nothing else needs to be in order.
    """
    with Composition(instance.settings()) as composition:
        rescued = rescue(composition.ost, up_to=up_to)
        with _output(file) as output:
            for line in export_lines(rescued):
                output.write(line)
    for problem in rescued.problems:
        say(f"{problem.object}: {problem.reason}")
    say(f"exported what was there at commit {rescued.commit}")
    return Exit.INFRASTRUCTURE if rescued.problems else Exit.SUCCESS


@command.command("import")
@click.argument("file")
@click.option("--merge", is_flag=True, help="The database may have entries; they are kept.")
@json_option
@instance_options
def import_command(*, file: str, merge: bool, as_json: bool, instance: Instance) -> None:
    """Store the entries of FILE (-: standard input), an export, in an empty database."""
    with Composition(instance.settings()) as composition, _input(file) as lines:
        report = import_lines(composition.datamanager, lines, merge=MergeRuns(), into_any=merge)
    if as_json:
        print_json(asdict(report))
    else:
        say(f"imported {report.written} of {report.entries} entries")


@contextmanager
def _output(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with click.open_file(file, "wb", atomic=True) as output:
            yield output


@contextmanager
def _input(file: str) -> Iterator[IO[bytes]]:
    with click.open_file(file, "rb") as lines:
        yield lines
