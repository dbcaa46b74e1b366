"""``ostler storage put``, ``cp`` and ``sync``."""

from __future__ import annotations

import functools
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import click

from ostler.compose import Composition
from ostler.errors import BadRequest, NotFound
from ostler.services.transfer import (
    Place,
    Report,
    Rewindable,
    Rule,
    Step,
    StorageKey,
    Task,
    copy_object,
    copy_tree,
    guard_copies,
    guard_key,
    guard_upload,
    refuse_overlap,
    store,
    sync,
    upload_tree,
)
from ostler.spi.storage import ObjectInfo

from ._exit import Exit
from ._locations import Location, Locations
from ._options import Instance, instance_options, json_option
from ._output import print_json
from ._pipes import PipeSource
from ._storage_reading import describe
from ._streamed import JsonList
from ._transfers import report_as_json, tell_failures, tell_report, transfer

__all__ = ["cp_command", "put_command", "sync_command"]

_STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the options said that all commands have that store objects.

    :param composition: the instance, open while the command is at work.
    """

    composition: Composition
    locations: Locations
    jobs: int
    persist: bool
    force: bool
    as_json: bool

    def transfer(self) -> AbstractContextManager[tuple[Task, int]]:
        return transfer(self.composition.clock, self.jobs, persist=self.persist)

    def reported(self, move: Callable[[Task], Report]) -> Exit:
        """Move objects, and tell what became of them."""
        clock = self.composition.clock
        began = clock.monotonic()
        with self.transfer() as (task, _woken):
            report = move(task)
        if not self.as_json:
            return tell_report(report, clock.monotonic() - began)
        shown, code = report_as_json(report)
        print_json(shown)
        return code

    def stored(self, info: ObjectInfo) -> Exit:
        """Tell what was stored, to who wants to know."""
        if self.as_json:
            print_json(describe(info))
        return Exit.SUCCESS


def _moving_options(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """Add what all commands that store objects have in common.

    The command gets it as one argument ``order``, an `_Order`.
    """

    @functools.wraps(function)
    def command(*, no_persist: bool, instance: Instance, **options: Any) -> Exit:
        common = {name: options.pop(name) for name in ("jobs", "force", "as_json")}
        with Composition(instance.settings()) as composition:
            locations = Locations(composition)
            order = _Order(
                composition=composition, locations=locations, persist=not no_persist, **common
            )
            return function(order=order, **options)

    for add in (
        instance_options,
        json_option,
        click.option("--force", is_flag=True, help="Also what belongs to the database of runs."),
        click.option("--no-persist", is_flag=True, help="Quicker, not safe from power loss."),
        click.option(
            "--jobs",
            "-j",
            type=click.IntRange(1, 256),
            default=8,
            show_default=True,
            metavar="N",
            help="Objects at once.",
        ),
    ):
        command = add(command)
    return command


_if_absent = click.option("--if-absent", is_flag=True, help="Replace nothing that is there.")
_recursive = click.option("--recursive", "-r", is_flag=True, help="Everything below it.")


@click.command("put")
@click.argument("file")
@click.argument("location", required=False)
@_recursive
@_if_absent
@_moving_options
def put_command(
    *,
    file: str,
    location: str | None,
    recursive: bool,
    if_absent: bool,
    order: _Order,
) -> Exit:
    """Store FILE (-: standard input) at LOCATION; with -r every file of a directory below it.

    A LOCATION that ends in / takes the name of the file, as no LOCATION does.
    """
    name = os.path.basename(os.path.abspath(file))
    target = order.locations.open(name if location is None else location)
    if file == _STDIN and (location is None or target.names_a_place or recursive):
        raise BadRequest("standard input has no name: say at which key to store it, without -r")
    if recursive:
        return _put_tree(file, target.place, order, if_absent=if_absent)
    return _put_file(file, (target.storage, target.below(name)), order, if_absent=if_absent)


def _put_tree(directory: str, place: Place, order: _Order, *, if_absent: bool) -> Exit:
    if not os.path.isdir(directory):
        raise BadRequest(f"{directory!r} is not a directory: leave -r out to store a file")
    if not order.force:
        guard_upload(directory, place)
    return order.reported(lambda task: upload_tree(directory, place, task, if_absent=if_absent))


def _put_file(file: str, target: StorageKey, order: _Order, *, if_absent: bool) -> Exit:
    if not order.force:
        guard_key(*target)
    with order.transfer() as (task, woken), _source(file, woken) as (source, size):
        info = store(source, size, target, task, if_absent=if_absent)
    return order.stored(info)


@contextmanager
def _source(file: str, woken: int) -> Iterator[tuple[Rewindable, int | None]]:
    """Open a file, or standard input, with its size; a pipe has none."""
    try:
        with open(0 if file == _STDIN else file, "rb", closefd=file != _STDIN) as opened:
            found = os.fstat(opened.fileno())
            if stat.S_ISREG(found.st_mode):
                yield opened, max(0, found.st_size - opened.tell())
            else:
                yield PipeSource(opened.fileno(), woken), None
    except IsADirectoryError:
        raise BadRequest(f"{file!r} is a directory: -r stores every file below it") from None
    except OSError as error:
        raise BadRequest(f"cannot read {file!r}: {error.strerror}") from error


@click.command("cp")
@click.argument("source")
@click.argument("target")
@_recursive
@_if_absent
@_moving_options
def cp_command(
    *,
    source: str,
    target: str,
    recursive: bool,
    if_absent: bool,
    order: _Order,
) -> Exit:
    """Copy the object at SOURCE to TARGET; with -r all that is below SOURCE to the same names below TARGET.

    A TARGET that ends in / takes the last part of the source's key. What is there is replaced.
    """
    copy = _copy_tree if recursive else _copy_one
    return copy(
        order.locations.open(source), order.locations.open(target), order, if_absent=if_absent
    )


def _copy_one(source: Location, target: Location, order: _Order, *, if_absent: bool) -> Exit:
    if source.names_a_place:
        raise BadRequest(f"{source.title!r} is not an object: -r copies everything below it")
    key = target.below(source.key.rpartition("/")[2])
    spaces = source.shares(target)
    if spaces and spaces[0] + source.key == spaces[1] + key:
        raise BadRequest(f"{source.title!r} would be copied onto itself: choose another target")
    if not order.force:
        guard_key(target.storage, key)
    with order.transfer() as (task, _woken):
        copied = copy_object(
            (source.storage, source.key), (target.storage, key), task, if_absent=if_absent
        )
    return order.stored(copied)


def _copy_tree(source: Location, target: Location, order: _Order, *, if_absent: bool) -> Exit:
    _check_places(source, target, order, delete=False)
    if source.place.empty():
        raise NotFound(f"there is nothing below {source.title!r}")
    return order.reported(
        lambda task: copy_tree(source.place, target.place, task, if_absent=if_absent)
    )


def _check_places(source: Location, target: Location, order: _Order, *, delete: bool) -> None:
    spaces = source.shares(target)
    if spaces:
        refuse_overlap(spaces[0] + source.place.prefix, spaces[1] + target.place.prefix)
    if not order.force:
        guard_copies(source.place, target.place, delete=delete, live=target.live)


@click.command("sync")
@click.argument("source")
@click.argument("target")
@click.option("--delete", is_flag=True, help="Remove from TARGET what SOURCE has not.")
@click.option("--dry-run", is_flag=True, help="List what would be done.")
@click.option("--checksum", is_flag=True, help="Compare bytes, not times, where sizes are equal.")
@_moving_options
def sync_command(
    *,
    source: str,
    target: str,
    delete: bool,
    dry_run: bool,
    checksum: bool,
    order: _Order,
) -> Exit:
    """Make what is below TARGET what is below SOURCE: copy what is missing there or different.

    Different is what has another size, or was modified after it was copied. What
    was interrupted goes on by doing it again.
    """
    rule = Rule(delete=delete, checksum=checksum)
    origin, destination = order.locations.open(source), order.locations.open(target)
    _check_places(origin, destination, order, delete=delete)
    if delete and not order.force:
        _check_something(origin, destination)
    if dry_run:
        return _plan(origin.place, destination.place, order, rule)
    return order.reported(lambda task: sync(origin.place, destination.place, task, rule))


def _check_something(source: Location, target: Location) -> None:
    """Refuse to remove everything because of a source that is misspelt, or not mounted."""
    if source.place.empty() and not target.place.empty():
        raise NotFound(
            f"there is nothing below {source.title!r}: --delete would remove everything below "
            f"{target.title!r}; --force does it"
        )


def _plan(source: Place, target: Place, order: _Order, rule: Rule) -> Exit:
    listed = JsonList("steps") if order.as_json else None

    def planned(step: Step) -> None:
        if listed is None:
            sys.stdout.write(f"{step.action} {step.name}\n")
        else:
            listed.add(asdict(step))

    with order.transfer() as (task, _woken):
        report = sync(source, target, task, rule, planned)
    if listed is not None:
        shown, code = report_as_json(report)
        listed.close(same=shown["same"], failed=shown["failed"], failures=shown["failures"])
        return code
    return tell_failures(report, verb="compared")
