"""What the checks have in common."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Sequence

from ostler.errors import Error
from ostler.spi.storage import CommonPrefix, ObjectInfo, Readable, StorageDriver

__all__ = [
    "Checks",
    "DribbledSource",
    "FailingSource",
    "SourceFailed",
    "expect",
    "fails",
    "in_threads",
    "keys_of",
    "names_of",
    "put",
    "read",
    "told_by_get",
    "version_of",
]

_PATIENCE = 60.0


class Checks:
    """The base of all groups of checks."""

    def leftovers(self, driver: StorageDriver) -> Sequence[str]:
        """Return what the storage holds besides its objects: unfinished uploads, temporary files.

        Override it where that can be seen; the checks want nothing to be left.
        """
        return ()


class SourceFailed(Exception):
    """What a failing source raises: none of the errors that a driver knows."""


class FailingSource:
    """Yields bytes, then raises `SourceFailed`.

    :param good: how many bytes it yields before it does.
    """

    def __init__(self, good: int) -> None:
        self._good = io.BytesIO(b"x" * good)

    def read(self, size: int = -1, /) -> bytes:
        data = self._good.read(size)
        if data or size == 0:
            return data
        raise SourceFailed("the source broke off")


class DribbledSource:
    """Yields bytes a few at a time, and notes how many it was asked for.

    :param most: per read.
    """

    def __init__(self, data: bytes, most: int) -> None:
        self._data, self._most = io.BytesIO(data), most
        self.asked: list[int] = []

    def read(self, size: int = -1, /) -> bytes:
        self.asked.append(size)
        return self._data.read(self._most if size < 0 else min(size, self._most))


def expect(actual: object, expected: object, what: str) -> None:
    """Fail with both sides when ``actual`` is not ``expected``."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {_short(expected)}, got {_short(actual)}")


def fails(call: Callable[[], object], kind: type[Exception], what: str, code: str = "") -> None:
    """Fail unless ``call`` raises ``kind`` (with ``code``)."""
    try:
        call()
    except kind as error:
        if code and isinstance(error, Error):
            expect(error.code, code, f"the code of the error of {what}")
        return
    except Exception as error:
        raise AssertionError(
            f"{what}: expected {kind.__name__}, got {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what}: expected {kind.__name__}, and nothing was raised")


def put(
    driver: StorageDriver,
    key: str,
    data: bytes = b"",
    *,
    source: Readable | None = None,
    size: int | None = -1,
    persist: bool = False,
    if_absent: bool = False,
) -> ObjectInfo:
    """Put ``data``, or what ``source`` yields; of known size unless ``size`` says otherwise."""
    return driver.put(
        key,
        source or io.BytesIO(data),
        size=len(data) if size == -1 else size,
        persist=persist,
        if_absent=if_absent,
    )


def read(driver: StorageDriver, key: str, start: int = 0, end: int | None = None) -> bytes:
    """Read a range of an object."""
    _info, body = driver.get(key, start, end)
    with body:
        return body.read()


def told_by_get(
    driver: StorageDriver, key: str, start: int = 0, end: int | None = None
) -> ObjectInfo:
    """Return the info that comes with the bytes of a `get`, which are not read."""
    info, body = driver.get(key, start, end)
    body.close()
    return info


def version_of(info: ObjectInfo) -> tuple[str, int, str | None]:
    """Return what tells one version of an object from another: all but the time, which a put may guess."""
    return info.key, info.size, info.etag


def names_of(items: Iterable[ObjectInfo | CommonPrefix]) -> list[str]:
    """Return the keys and common prefixes of a listing."""
    return [item.prefix if isinstance(item, CommonPrefix) else item.key for item in items]


def keys_of(driver: StorageDriver, prefix: str = "") -> list[str]:
    """Return the keys that begin with ``prefix``, sorted."""
    return sorted(names_of(driver.list(prefix, "", "")))


def in_threads(works: Sequence[Callable[[], None]]) -> None:
    """Run all of ``works`` at once, and raise the first error of any."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            start.wait(_PATIENCE)
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error  # one that broke a barrier, rather than one that met it broken
    assert not any(thread.is_alive() for thread in threads), f"still busy after {_PATIENCE} s"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:200]} … {text[-90:]}"
