from __future__ import annotations

import io
import random
from typing import Any

import pytest

from ostler.errors import BadRequest, Conflict, Error, Unavailable, Unknown
from ostler.ost import ObjectStorage
from ostler.spi.storage import Capabilities, ObjectInfo, Readable

from .ost_support import FlakyStorage, Pipe, storage_on

LOST = Unavailable("the line is cut")


class Reading(FlakyStorage):
    """Reads some of the source before it fails."""

    def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
        if self.errors:
            source.read(3)
        return super().put(key, source, **options)


def stored(storage: ObjectStorage) -> dict[str, bytes]:
    return {info.key: storage.read(info.key) for info in storage.objects()}


@pytest.mark.parametrize("data", [b"bytes", bytearray(b"bytes"), memoryview(b"bytes")])
def test_bytes_bring_their_size(data: bytes) -> None:
    storage, _clock = storage_on(FlakyStorage())
    assert storage.put("key", data, size=5).size == 5
    assert storage.put("key", data).size == 5
    with pytest.raises(BadRequest, match="5 bytes were given where 4 were announced"):
        storage.put("key", data, size=4)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (6, "ended after 5 of 6 bytes"),
        (4, "goes on after the 4 bytes"),
        (0, "goes on after the 0 bytes"),
        (500, "ended after 5 of 500 bytes"),
    ],
)
def test_a_source_of_another_size_stores_nothing(size: int, message: str) -> None:
    storage, _clock = storage_on(FlakyStorage())
    with pytest.raises(BadRequest, match=message) as caught:
        storage.put("key", Pipe(b"bytes"), size=size)
    assert caught.value.code == "size_mismatch"
    assert stored(storage) == {}


def test_a_driver_that_stops_at_the_size_cannot_miss_what_follows() -> None:
    class Exact(FlakyStorage):
        def put(
            self, key: str, source: Readable, *, size: int | None, **options: Any
        ) -> ObjectInfo:
            data = b"".join(source.read(1) for _byte in range(size or 0))
            return super().put(key, io.BytesIO(data), size=size, **options)

    storage, _clock = storage_on(Exact())
    with pytest.raises(BadRequest, match="goes on after"):
        storage.put("key", Pipe(b"12345"), size=4)
    storage.put("key", Pipe(b"1234"), size=4)
    assert stored(storage) == {"key": b"1234"}


def test_random_reads_of_a_known_size_get_it_exactly() -> None:
    dice = random.Random(7)
    for _round in range(50):
        data = dice.randbytes(dice.randint(0, 3000))

        class Dribbling(Pipe):
            def read(self, size: int = -1, /) -> bytes:
                return super().read(dice.randint(1, 700) if size else 0)[: max(size, 0)]

        storage, _clock = storage_on(FlakyStorage())
        storage.put("key", io.BytesIO(data), size=len(data))
        assert storage.read("key") == data


@pytest.mark.parametrize("limits", [{"max_object_size": 9}, {"max_unknown_size": 9}])
def test_too_much_of_unknown_size_is_refused_at_the_first_byte_over(limits: dict[str, int]) -> None:
    storage, _clock = storage_on(FlakyStorage(capabilities=Capabilities(**limits)))
    storage.put("key", Pipe(b"123456789"))
    with pytest.raises(BadRequest, match="larger than the 9 bytes") as caught:
        storage.put("other", Pipe(b"1234567890"))
    assert caught.value.code == "too_large"
    assert stored(storage) == {"key": b"123456789"}


def test_too_much_of_known_size_is_refused_before_it_is_read() -> None:
    driver = FlakyStorage(capabilities=Capabilities(max_object_size=9, max_unknown_size=5))
    storage, _clock = storage_on(driver)
    source = Pipe(b"1234567890")
    with pytest.raises(BadRequest, match="larger than the 9 bytes"):
        storage.put("key", source, size=10)
    assert (source.data, driver.calls) == (b"1234567890", [])
    storage.put("key", Pipe(b"123456789"), size=9)


@pytest.mark.parametrize("source", ["text", 7, None])
def test_what_cannot_be_read_is_refused(source: Any) -> None:
    storage, _clock = storage_on(FlakyStorage())
    with pytest.raises(BadRequest, match="give bytes, or something with a read"):
        storage.put("key", source)


def test_a_source_of_text_is_refused() -> None:
    storage, _clock = storage_on(FlakyStorage())
    with pytest.raises(BadRequest, match="returned str, not bytes"):
        storage.put("key", io.StringIO("text"))  # type: ignore[arg-type]


def test_a_negative_size_is_refused() -> None:
    storage, _clock = storage_on(FlakyStorage())
    with pytest.raises(BadRequest, match="-1 is not a size"):
        storage.put("key", Pipe(b""), size=-1)


@pytest.mark.parametrize("error", [OSError("broken"), ValueError("bad"), Unavailable("theirs")])
@pytest.mark.parametrize("size", [None, 5])
def test_errors_of_the_source_come_out_unchanged_at_once(
    error: Exception, size: int | None
) -> None:
    class Breaking:
        def read(self, size: int = -1, /) -> bytes:
            raise error

    driver = FlakyStorage()
    storage, clock = storage_on(driver)
    with pytest.raises(type(error)) as caught:
        storage.put("key", Breaking(), size=size)
    assert caught.value is error
    assert (driver.calls, clock.pauses) == (["put"], [])


def test_errors_of_the_source_come_out_even_when_the_driver_wraps_them() -> None:
    class Wrapping(FlakyStorage):
        def put(self, key: str, source: Readable, **options: Any) -> ObjectInfo:
            try:
                return super().put(key, source, **options)
            except OSError as error:
                raise Unavailable("could not upload") from error

    class Breaking:
        def read(self, size: int = -1, /) -> bytes:
            raise OSError("broken")

    storage, _clock = storage_on(Wrapping())
    with pytest.raises(OSError, match="broken"):
        storage.put("key", Breaking())


def test_bytes_are_put_again() -> None:
    storage, clock = storage_on(Reading(LOST, LOST), first=1.0)
    storage.put("key", b"bytes")
    assert stored(storage) == {"key": b"bytes"}
    assert clock.pauses == [0.5, 1.0]


@pytest.mark.parametrize("size", [None, 5])
def test_a_seekable_source_is_rewound_to_where_it_stood(size: int | None) -> None:
    storage, _clock = storage_on(Reading(LOST, LOST))
    source = io.BytesIO(b"skip:bytes")
    source.seek(5)
    storage.put("key", source, size=size)
    assert stored(storage) == {"key": b"bytes"}


def test_a_source_that_cannot_be_rewound_is_not_put_again() -> None:
    driver = Reading(LOST)
    storage, clock = storage_on(driver)
    with pytest.raises(Unavailable):
        storage.put("key", Pipe(b"bytes"))
    assert (driver.calls, clock.pauses, stored(storage)) == (["put"], [], {})


def test_a_source_that_was_not_read_yet_is_put_again() -> None:
    storage, _clock = storage_on(FlakyStorage(LOST))
    storage.put("key", Pipe(b"bytes"))
    assert stored(storage) == {"key": b"bytes"}


def test_a_source_that_fails_to_rewind_says_so() -> None:
    class Stuck(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            raise OSError("stuck")

    storage, _clock = storage_on(Reading(LOST))
    with pytest.raises(OSError, match="stuck"):
        storage.put("key", Stuck(b"bytes"))


def test_an_exclusive_put_that_may_have_happened_is_not_made_again() -> None:
    driver = FlakyStorage(Unknown("no answer"))
    driver.late = True
    storage, _clock = storage_on(driver)
    with pytest.raises(Unknown):
        storage.put("key", b"bytes", if_absent=True)
    assert driver.calls == ["put"]
    driver.errors, driver.calls = [Unknown("no answer")], []
    storage.put("key", b"bytes")
    assert driver.calls == ["put", "put"]


@pytest.mark.parametrize("error", [Conflict("no"), BadRequest("no"), Error("no")])
def test_what_is_not_unavailable_is_not_tried_again(error: Error) -> None:
    driver = FlakyStorage(error)
    storage, _clock = storage_on(driver)
    with pytest.raises(type(error)) as caught:
        storage.put("key", b"bytes")
    assert caught.value is error
    assert driver.calls == ["put"]
