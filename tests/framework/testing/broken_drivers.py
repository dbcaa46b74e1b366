"""Drivers that are wrong, each in one way: the memory driver with one promise broken."""

from __future__ import annotations

import io
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ostler.errors import BadRequest, Conflict, Internal, NotFound
from ostler.spi.storage import Body, Capabilities, CommonPrefix, ObjectInfo, Readable
from ostler_memory.driver import MemorySettings, MemoryStorage

Item = ObjectInfo | CommonPrefix
Listing = Iterator[Item]

BROKEN: list[tuple[type[Broken], str]] = []
"""(the driver, the check that must notice)."""


class Broken(MemoryStorage):
    def __init__(self) -> None:
        super().__init__(MemorySettings())


def noticed_by(*checks: str) -> Callable[[type[Broken]], type[Broken]]:
    def register(driver: type[Broken]) -> type[Broken]:
        BROKEN.extend((driver, check) for check in checks)
        return driver

    return register


def name_of(item: Item) -> str:
    return item.prefix if isinstance(item, CommonPrefix) else item.key


# What is written


@noticed_by("unknown_size")
class TakesUnknownForEmpty(Broken):
    def put(self, key: str, source: Readable, *, size: int | None, **options: Any) -> ObjectInfo:
        return super().put(key, io.BytesIO(source.read(size or 0)), size=size, **options)


@noticed_by("short_reads")
class TakesShortReadForTheEnd(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        return super().put(key, io.BytesIO(source.read(1 << 20)), **options)


@noticed_by("large_streams")
class SwallowsTheSourceWhole(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        return super().put(key, io.BytesIO(source.read(-1)), **options)


class Recording:
    def __init__(self, source: Readable) -> None:
        self.source, self.seen = source, b""

    def read(self, size: int = -1, /) -> bytes:
        data = self.source.read(size)
        self.seen += data
        return data


@noticed_by("failing_source")
class PublishesWhatAFailedPutGot(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        recording = Recording(source)
        try:
            return super().put(key, recording, **options)
        except Exception:
            super().put(key, io.BytesIO(recording.seen), **options)
            raise


@noticed_by("failing_source")
class WrapsTheErrorOfTheSource(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        try:
            return super().put(key, source, **options)
        except Conflict:
            raise
        except Exception as error:
            raise Internal("cannot read the source") from error


@noticed_by("failing_source")
class DeletesBeforeItReplaces(Broken):
    def put(self, key: str, source: Readable, *, if_absent: bool, **options: Any) -> ObjectInfo:
        if not if_absent:
            self.delete(key)
        return super().put(key, source, if_absent=if_absent, **options)


@noticed_by("whole_versions")
class WritesInPlace(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        data = source.read()
        super().put(key, io.BytesIO(data[: len(data) // 2] + b"?"), **options)
        time.sleep(0.001)
        return super().put(key, io.BytesIO(data), **options)


@noticed_by("if_absent", "if_absent_race")
class IgnoresIfAbsent(Broken):
    def put(self, key: str, source: Readable, *, if_absent: bool, **options: Any) -> ObjectInfo:
        return super().put(key, source, if_absent=False, **options)


@noticed_by("if_absent_race")
class LooksBeforeItWrites(Broken):
    def put(self, key: str, source: Readable, *, if_absent: bool, **options: Any) -> ObjectInfo:
        if if_absent and key in self._objects:
            raise Conflict(f"{key!r} exists", code="exists")
        time.sleep(0.005)
        return super().put(key, source, if_absent=False, **options)


@noticed_by("put_persistent")
class KeepsTheFirstPersistentVersion(Broken):
    def put(self, key: str, source: Readable, *, persist: bool, **options: Any) -> ObjectInfo:
        if persist and key in self._objects:
            return self.stat(key)
        return super().put(key, source, persist=persist, **options)


@noticed_by("persist_later")
class PersistsWithoutLooking(Broken):
    def persist(self, keys: Sequence[str]) -> None:
        pass


@noticed_by("etag_changes")
class TellsVersionsApartBySize(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        info = super().put(key, source, **options)
        return ObjectInfo(key, info.size, info.modified, etag=str(info.size))


@noticed_by("put_and_get")
class TellsAnotherSizeThanItStored(Broken):
    def stat(self, key: str) -> ObjectInfo:
        info = super().stat(key)
        return ObjectInfo(key, info.size + 1, info.modified, info.etag)


@noticed_by("modified")
class TellsMilliseconds(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        info = super().put(key, source, **options)
        return ObjectInfo(key, info.size, info.modified * 1000, info.etag)


# Keys


class Renaming(Broken):
    """Stores everything by another key."""

    def renamed(self, key: str) -> str:
        raise NotImplementedError

    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        return super().put(self.renamed(key), source, **options)

    def stat(self, key: str) -> ObjectInfo:
        return super().stat(self.renamed(key))

    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        return super().get(self.renamed(key), start, end)

    def delete(self, key: str) -> None:
        super().delete(self.renamed(key))


@noticed_by("keys_of_every_kind")
class IgnoresCase(Renaming):
    def renamed(self, key: str) -> str:
        return key.lower()


@noticed_by("keys_of_every_kind")
class NormalisesUnicode(Renaming):
    def renamed(self, key: str) -> str:
        return unicodedata.normalize("NFC", key)


@noticed_by("keys_of_every_kind")
class CutsOffQueries(Renaming):
    def renamed(self, key: str) -> str:
        return key.partition("?")[0] or key


@noticed_by("keys_of_every_kind")
class StripsSpaces(Renaming):
    def renamed(self, key: str) -> str:
        return key.strip()


@noticed_by("key_of_full_length")
class CutsLongKeys(Renaming):
    def renamed(self, key: str) -> str:
        return key[:1000]


@noticed_by("missing")
class TakesAPrefixForAnObject(Broken):
    def stat(self, key: str) -> ObjectInfo:
        for item in self.list(f"{key}/", "", ""):
            return ObjectInfo(key, 0, 0.0, name_of(item))
        return super().stat(key)


@noticed_by("missing")
class RaisesErrorsOfItsOwn(Broken):
    def stat(self, key: str) -> ObjectInfo:
        try:
            return super().stat(key)
        except NotFound as error:
            raise KeyError(key) from error


class LateBody(Body):
    def __init__(self, key: str) -> None:
        self.key = key

    def read(self, size: int = -1, /) -> bytes:
        raise NotFound(f"there is no {self.key!r}")

    def close(self) -> None:
        pass


@noticed_by("missing")
class FindsOutWhileReading(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        try:
            return super().get(key, start, end)
        except NotFound:
            return ObjectInfo(key, 0, 0.0), LateBody(key)


@noticed_by("key_beside_prefix")
class IsNotFlatAndSaysSo(Broken):
    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        if any(other.startswith(f"{key}/") for other in self._keys):
            raise Conflict(f"{key!r} is a directory", code="key_conflict")
        return super().put(key, source, **options)


@noticed_by("key_beside_prefix")
class IsFlatAndDeniesIt(Broken):
    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(flat=False, durable_put=False)


# What is read


@noticed_by("ranges")
class TakesTheEndAsIncluded(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        return super().get(key, start, None if end is None else end + 1)


@noticed_by("ranges", "ranges_of_nothing")
class RefusesRangesBeyondTheEnd(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        if start and start >= self.stat(key).size:
            raise BadRequest("the range is not satisfiable")
        return super().get(key, start, end)


@noticed_by("ranges")
class TellsTheSizeOfTheRange(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        info, body = super().get(key, start, end)
        size = len(range(info.size)[start:end])
        return ObjectInfo(key, size, info.modified, info.etag), body


class GreedyBody(Body):
    def __init__(self, body: Body) -> None:
        self.body = body

    def read(self, size: int = -1, /) -> bytes:
        return self.body.read(-1 if size else 0)

    def close(self) -> None:
        self.body.close()


@noticed_by("body")
class ReadsMoreThanWasAsked(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        info, body = super().get(key, start, end)
        return info, GreedyBody(body)


class OnceClosedBody(GreedyBody):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise Internal("closed already")
        self.closed = True


@noticed_by("body_closes")
class ClosesBodiesOnce(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        info, body = super().get(key, start, end)
        return info, OnceClosedBody(body)


class LiveBody(Body):
    def __init__(self, driver: LiveBodies, key: str, start: int, end: int | None) -> None:
        self.driver, self.key, self.at, self.end = driver, key, start, end

    def read(self, size: int = -1, /) -> bytes:
        data = self.driver._find(self.key)[1][: self.end]
        data = data[self.at :] if size < 0 else data[self.at : self.at + size]
        self.at += len(data)
        return data

    def close(self) -> None:
        pass


@noticed_by("one_version")
class LiveBodies(Broken):
    def get(self, key: str, start: int, end: int | None) -> tuple[ObjectInfo, Body]:
        return self.stat(key), LiveBody(self, key, start, end)


# What is deleted


@noticed_by("delete", "delete_many")
class RaisesForWhatIsGone(Broken):
    def delete(self, key: str) -> None:
        self.stat(key)
        super().delete(key)


@noticed_by("delete")
class DeletesWhatIsBelow(Broken):
    def delete(self, key: str) -> None:
        for other in [other for other in self._keys if f"{other}/".startswith(f"{key}/")]:
            super().delete(other)


@noticed_by("delete_many")
class DeletesAFewOfMany(Broken):
    def delete_many(self, keys: Iterable[str]) -> None:
        for key in list(keys)[:20]:
            self.delete(key)


@noticed_by("last_of_a_directory")
class LosesWritesBesideADelete(Broken):
    def delete(self, key: str) -> None:
        folder = key.rpartition("/")[0] + "/"
        super().delete(key)
        if not any(other.startswith(folder) for other in list(self._keys)):
            time.sleep(0.001)
            for other in [other for other in list(self._keys) if other.startswith(folder)]:
                super().delete(other)


# What is listed


@noticed_by("list_order")
class ListsInTheOrderOfWriting(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        yield from sorted(
            super().list(prefix, start_after, delimiter),
            key=lambda item: int(getattr(item, "etag", 0)),
        )


@noticed_by("list_order")
class ListsInTheOrderOfUtf16(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        found = super().list(prefix, start_after, delimiter)
        yield from sorted(found, key=lambda item: name_of(item).encode("utf-16-be"))


@noticed_by("list_order")
class ListsByDirectories(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        found = super().list(prefix, start_after, delimiter)
        yield from sorted(found, key=lambda item: name_of(item).split("/"))


@noticed_by("list_prefix")
class KnowsWholeDirectoriesOnly(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        return super().list(folder, start_after, delimiter)


@noticed_by("list_start_after")
class StartsAtInsteadOfAfter(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        if start_after in self._objects and start_after.startswith(prefix):
            yield self.stat(start_after)
        yield from super().list(prefix, start_after, delimiter)


@noticed_by("list_start_after")
class StartsOnlyAfterExistingKeys(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        known = start_after if start_after in self._objects else ""
        return super().list(prefix, known, delimiter)


@noticed_by("list_delimiter")
class IgnoresTheDelimiter(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        return super().list(prefix, start_after, "")


@noticed_by("list_delimiter")
class KnowsOnlySlashes(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        return super().list(prefix, start_after, "/" if delimiter else "")


@noticed_by("list_delimiter")
class TellsPrefixesAtTheEnd(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        found = list(super().list(prefix, start_after, delimiter))
        yield from sorted(found, key=lambda item: isinstance(item, CommonPrefix))


@noticed_by("list_matrix")
class TellsPrefixesThatAreOver(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        for item in super().list(prefix, "", delimiter):
            name = name_of(item)
            inside = isinstance(item, CommonPrefix) and start_after.startswith(name)
            if name > start_after or inside:
                yield item


@noticed_by("list_pages")
class ListsAThousandAtMost(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        for _count, item in zip(
            range(1000), super().list(prefix, start_after, delimiter), strict=False
        ):
            yield item


@noticed_by("list_is_current")
class ListsWhatItListedBefore(Broken):
    def __init__(self) -> None:
        super().__init__()
        self.cache: dict[tuple[str, str, str], list[Item]] = {}

    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        query = (prefix, start_after, delimiter)
        if prefix and query not in self.cache:
            self.cache[query] = list(super().list(*query))
        return iter(self.cache.get(query) or list(super().list(*query)))


@noticed_by("list_is_current")
class ListsBeforeItIsAsked(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        return iter(list(super().list(prefix, start_after, delimiter)))


@noticed_by("list_while_writing")
class CountsItsPlaceInTheListing(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        at = 0
        while at < len(self._keys):
            yield self._objects[self._keys[at]][0]
            at += 1
            time.sleep(0.0001)


@noticed_by("list_nothing")
class MissesWhatIsEmpty(Broken):
    def list(self, prefix: str, start_after: str, delimiter: str) -> Listing:
        if prefix and not any(key.startswith(prefix) for key in self._keys):
            raise NotFound(f"there is nothing below {prefix!r}")
        return super().list(prefix, start_after, delimiter)


# The end


@noticed_by("put_and_get")
class ClosesOnce(Broken):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise Internal("closed already")
        self.closed = True
