"""``ostler storage rm``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from itertools import islice

import click

from ostler.compose import Composition
from ostler.errors import BadRequest, NotFound
from ostler.services.transfer import Report, guard_key, guard_removal, remove_keys
from ostler.spi.storage import ObjectInfo

from ._exit import Exit
from ._locations import Location, Locations
from ._options import Instance, instance_options, json_option
from ._output import print_json, say
from ._sizes import human_size, plural
from ._storage_reading import describe, tell_missing
from ._streamed import JsonList
from ._transfers import transfer

__all__ = ["rm_command"]

_COUNTED = 1000


@click.command("rm")
@click.argument("locations", metavar="LOCATION...", nargs=-1, required=True)
@click.option("--recursive", "-r", is_flag=True, help="Also everything below it.")
@click.option("--dry-run", is_flag=True, help="List what would be removed.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask; needed for -r without a terminal.")
@click.option("--missing-ok", is_flag=True, help="What does not exist is no error.")
@click.option("--force", is_flag=True, help="Also what belongs to the database of runs.")
@json_option
@instance_options
def rm_command(
    *,
    locations: Sequence[str],
    recursive: bool,
    dry_run: bool,
    yes: bool,
    missing_ok: bool,
    force: bool,
    as_json: bool,
    instance: Instance,
) -> Exit:
    """Remove the object at each LOCATION; with -r everything below it too.

    Locations where nothing is are told on standard error (exit code 2); the others
    are removed all the same.
    """
    with Composition(instance.settings()) as composition:
        opener = Locations(composition)
        opened = [opener.open(text) for text in locations]
        for location in opened:
            _check(location, recursive=recursive, force=force)
        there, missing = _sorted_out(opened, recursive=recursive)
        if dry_run:
            _list(there, recursive=recursive, as_json=as_json)
        else:
            if recursive and there and not yes:
                _confirm(there)
            report = _remove(composition, there, recursive=recursive)
            _tell_removed(report, recursive=recursive, as_json=as_json)
    return tell_missing([] if missing_ok else missing)


def _check(location: Location, *, recursive: bool, force: bool) -> None:
    if location.names_a_place and not recursive:
        raise BadRequest(f"{location.title!r} is not an object: -r removes everything below it")
    if force:
        return
    if not location.names_a_place:
        guard_key(location.storage, location.key)
    if recursive:
        guard_removal(location.place)


def _sorted_out(
    locations: Sequence[Location], *, recursive: bool
) -> tuple[list[Location], list[Location]]:
    """Return those where something is, and the others."""
    there: list[Location] = []
    missing: list[Location] = []
    for location in locations:
        exists = next(_objects(location, recursive=recursive), None) is not None
        (there if exists else missing).append(location)
    return there, missing


def _objects(location: Location, *, recursive: bool) -> Iterator[ObjectInfo]:
    if not location.names_a_place:
        with contextlib.suppress(NotFound):
            yield location.storage.stat(location.key)
    if recursive:
        yield from (info for _name, info in location.place.objects())


def _list(locations: Sequence[Location], *, recursive: bool, as_json: bool) -> None:
    objects = (info for each in locations for info in _objects(each, recursive=recursive))
    if as_json:
        listed = JsonList("objects")
        listed.extend(map(describe, objects))
        listed.close()
    else:
        sys.stdout.writelines(f"{info.key}\n" for info in objects)


def _confirm(locations: Sequence[Location]) -> None:
    titles = ", ".join(location.title for location in locations)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadRequest(
            f"everything below {titles} would be removed, and there is no terminal to ask: "
            "--dry-run lists it, --yes removes it"
        )
    counted = [
        info.size
        for each in locations
        for info in islice(_objects(each, recursive=True), _COUNTED + 1)
    ]
    if len(counted) > _COUNTED:
        what = f"more than {_COUNTED:,} objects"
    else:
        what = f"{plural(len(counted), 'object')}, {human_size(sum(counted))}"
    click.confirm(f"remove {what}: {titles}?", abort=True, err=True)


def _remove(composition: Composition, locations: Sequence[Location], *, recursive: bool) -> Report:
    report = Report()
    with transfer(composition.clock, 1, persist=True) as (task, _woken):
        for location in locations:
            keys = (info.key for info in _objects(location, recursive=recursive))
            remove_keys(location.storage, keys, task, report)
    return report


def _tell_removed(report: Report, *, recursive: bool, as_json: bool) -> None:
    if as_json:
        print_json({"removed": report.removed})
    elif recursive and report.removed:
        say(f"removed {plural(report.removed, 'object')}")
