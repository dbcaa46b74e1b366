"""``ostler storage ls``, ``cat`` and ``stat``."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import click

from ostler.compose import Composition
from ostler.errors import BadRequest, Conflict, NotFound
from ostler.spi.storage import CommonPrefix, ObjectInfo

from ._exit import Exit
from ._locations import ALL, Location, Locations
from ._options import Instance, instance_options, json_option
from ._output import print_table, say
from ._sizes import human_size, plural, utc
from ._streamed import JsonList

__all__ = ["cat_command", "describe", "ls_command", "stat_command", "tell_missing"]

_Item = ObjectInfo | CommonPrefix
_PIECE = 1 << 20


def describe(info: ObjectInfo) -> dict[str, Any]:
    """Return an object as JSON shows it. Bytes, and seconds since 1970-01-01 UTC."""
    return {"key": info.key, "size": info.size, "modified": info.modified, "etag": info.etag}


def tell_missing(locations: Iterable[Location]) -> Exit:
    """Say where nothing is; return the exit code."""
    code = Exit.SUCCESS
    for location in locations:
        say(f"error: there is no object {location.title!r}")
        code = Exit.USAGE
    return code


@click.command("ls")
@click.argument("locations", metavar="[LOCATION]...", nargs=-1)
@click.option("--recursive", "-r", is_flag=True, help="All keys, not only the next level.")
@click.option("--long", "-l", "long", is_flag=True, help="With sizes and times (UTC).")
@click.option("--human", "-H", is_flag=True, help="Sizes in KiB, MiB and so on; with -l.")
@click.option("--limit", "-n", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option("--start-after", metavar="KEY", default="", help="Only what comes after this.")
@click.option("--summary", is_flag=True, help="End with the number of objects and their bytes.")
@json_option
@instance_options
def ls_command(
    *,
    locations: Sequence[str],
    recursive: bool,
    long: bool,
    human: bool,
    limit: int | None,
    start_after: str,
    summary: bool,
    as_json: bool,
    instance: Instance,
) -> None:
    """List the objects at each LOCATION, by default all of the storage of the settings.

    In key order, one level: keys that have a / further on are told once, up to it.
    """
    if start_after and len(locations) > 1:
        raise BadRequest("--start-after is for one location: list the others by themselves")
    printer: _Printer = _JsonPrinter() if as_json else _LinePrinter(long=long, human=human)
    with Composition(instance.settings()) as composition:
        opener = Locations(composition)
        opened = [opener.open(text) for text in locations or (ALL,)]
        items = chain.from_iterable(
            _entries(location, recursive=recursive, start_after=start_after) for location in opened
        )
        last = None
        for item in islice(items, limit):
            printer.show(item)
            last = item
        more = limit is not None and next(items, None) is not None
    after = _name(last) if more and last is not None else ""
    printer.close(after, summary=summary)


def _entries(location: Location, *, recursive: bool, start_after: str) -> Iterator[_Item]:
    """Yield what a location names: an object, and what lies below it.

    :raises NotFound: nothing; unless it is a whole storage, or the rest of a listing.
    """
    delimiter = "" if recursive else "/"
    listing = location.storage.list(
        location.place.prefix, start_after=start_after, delimiter=delimiter
    )
    own = () if location.names_a_place else _itself(location, start_after)
    found = False
    for item in chain(own, listing):
        found = True
        yield item
    if not found and location.key and not start_after:
        raise NotFound(f"there is no object {location.title!r}, and none below it")


def _itself(location: Location, start_after: str) -> Iterator[ObjectInfo]:
    try:
        info = location.storage.stat(location.key)
    except NotFound:
        return
    if info.key > start_after:
        yield info


def _name(item: _Item) -> str:
    return item.prefix if isinstance(item, CommonPrefix) else item.key


class _Printer(ABC):
    def __init__(self) -> None:
        self.objects = self.prefixes = self.bytes = 0

    def show(self, item: _Item) -> None:
        if isinstance(item, CommonPrefix):
            self.prefixes += 1
        else:
            self.objects += 1
            self.bytes += item.size
        self.write(item)

    @abstractmethod
    def write(self, item: _Item) -> None:
        """Print an item."""

    @abstractmethod
    def close(self, after: str, *, summary: bool) -> None:
        """Print what comes last; ``after`` is empty when nothing follows."""


class _JsonPrinter(_Printer):
    """Prints the list as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self._list = JsonList("objects")

    def write(self, item: _Item) -> None:
        self._list.add(
            {"prefix": item.prefix} if isinstance(item, CommonPrefix) else describe(item)
        )

    def close(self, after: str, *, summary: bool) -> None:
        totals = {"objects": self.objects, "prefixes": self.prefixes, "bytes": self.bytes}
        more = {"summary": totals} if summary else {}
        self._list.close(after=after, **more)


class _LinePrinter(_Printer):
    """Prints a line for each: lines of ``-l`` have columns of fixed places, so that it can stream."""

    def __init__(self, *, long: bool, human: bool) -> None:
        super().__init__()
        self._long, self._human = long, human

    def write(self, item: _Item) -> None:
        sys.stdout.write(f"{self._columns(item) if self._long else ''}{_name(item)}\n")

    def close(self, after: str, *, summary: bool) -> None:
        if summary:
            sys.stdout.write(self._totals())
        if after:
            say(f"there are more: --start-after {after}")

    def _columns(self, item: _Item) -> str:
        if isinstance(item, CommonPrefix):
            return f"{'':>14}  {'':20}  "
        return f"{self._size(item.size):>14}  {utc(item.modified)}  "

    def _size(self, size: int) -> str:
        return human_size(size) if self._human else str(size)

    def _totals(self) -> str:
        prefixes = f", {self.prefixes:,} below" if self.prefixes else ""
        size = human_size(self.bytes) if self._human else f"{self.bytes} bytes"
        return f"{plural(self.objects, 'object')}{prefixes}, {size}\n"


@click.command("cat")
@click.argument("locations", metavar="LOCATION...", nargs=-1, required=True)
@click.option("--start", type=click.IntRange(min=0), metavar="BYTE", help="From this byte on.")
@click.option("--end", type=click.IntRange(min=0), metavar="BYTE", help="Up to before this one.")
@click.option("--if-etag", metavar="ETAG", help="Only if the object is still this version.")
@instance_options
def cat_command(
    *,
    locations: Sequence[str],
    start: int | None,
    end: int | None,
    if_etag: str | None,
    instance: Instance,
) -> None:
    """Write the bytes of the object at each LOCATION to standard output."""
    ranged = (start, end, if_etag) != (None, None, None)
    if ranged and len(locations) > 1:
        raise BadRequest("--start, --end and --if-etag are for one location")
    with Composition(instance.settings()) as composition:
        opener = Locations(composition)
        for location in [opener.open(text) for text in locations]:
            _write(location, start or 0, end, if_etag)
    sys.stdout.buffer.flush()


def _write(location: Location, start: int, end: int | None, if_etag: str | None) -> None:
    with location.storage.get(location.key, start, end) as body:
        if if_etag is not None and body.info.etag != if_etag:
            raise Conflict(
                f"{location.title!r} is another version now, with the etag {body.info.etag}: "
                "get it from its beginning",
                code="changed",
            )
        while data := body.read(_PIECE):
            sys.stdout.buffer.write(data)


@click.command("stat")
@click.argument("locations", metavar="LOCATION...", nargs=-1, required=True)
@json_option
@instance_options
def stat_command(*, locations: Sequence[str], as_json: bool, instance: Instance) -> Exit:
    """Describe the object at each LOCATION: size, time (UTC), etag, and the type of the storage.

    Those that do not exist are told on standard error (exit code 2).
    """
    with Composition(instance.settings()) as composition:
        opener = Locations(composition)
        opened = [opener.open(text) for text in locations]
        found, missing = _described(opened)
    if as_json:
        listed = JsonList("objects")
        listed.extend({**describe(info), "storage": at.chosen.type.name} for at, info in found)
        listed.close()
    elif found:
        rows = [
            [info.key, info.size, utc(info.modified), info.etag, at.chosen.type.name]
            for at, info in found
        ]
        print_table(["key", "size", "modified", "etag", "storage"], rows)
    return tell_missing(missing)


def _described(
    locations: Iterable[Location],
) -> tuple[list[tuple[Location, ObjectInfo]], list[Location]]:
    found, missing = [], []
    for location in locations:
        try:
            found.append((location, location.storage.stat(location.key)))
        except NotFound:
            missing.append(location)
    return found, missing
