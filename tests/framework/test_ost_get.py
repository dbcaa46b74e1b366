from __future__ import annotations

import io
import os
from typing import Any

import pytest

from ostler.errors import BadRequest, Conflict, Internal, NotFound, Unavailable
from ostler.ost import ObjectStorage

from .ost_support import CuttingStorage, FlakyStorage, storage_on

DATA = bytes(range(256)) * 20
CUT = Unavailable("the line is cut")


def filled(driver: FlakyStorage) -> tuple[ObjectStorage, FlakyStorage]:
    storage, _clock = storage_on(driver)
    storage.put("key", DATA)
    driver.calls.clear()
    return storage, driver


def test_a_body_tells_what_it_is_a_part_of() -> None:
    storage, _driver = filled(FlakyStorage())
    with storage.get("key", 10, 20) as body:
        assert body.info == storage.stat("key")
        assert body.read(4) + body.read() + body.read() == DATA[10:20]


@pytest.mark.parametrize("size", [1, 100, -1])
@pytest.mark.parametrize("error", [CUT, None])
def test_a_broken_body_goes_on_where_it_broke(size: int, error: Exception | None) -> None:
    storage, driver = filled(CuttingStorage(1000, 0, 2000, error=error))
    with storage.get("key", 100) as body:
        pieces = []
        while piece := body.read(size):
            pieces.append(piece)
    assert b"".join(pieces) == DATA[100:]
    assert driver.calls == ["get 100", "get 1100", "get 1100", "get 3100"]


def test_a_range_goes_on_up_to_its_end() -> None:
    storage, _driver = filled(CuttingStorage(3, error=CUT))
    with storage.get("key", 5, 15) as body:
        assert body.read() == DATA[5:15]


def test_a_body_does_not_go_on_with_another_version() -> None:
    storage, driver = filled(CuttingStorage(1000, error=CUT))
    with storage.get("key") as body:
        assert len(body.read(1000)) == 1000
        storage.put("key", DATA)
        with pytest.raises(Unavailable, match="was replaced while it was read") as caught:
            body.read()
    assert caught.value.code == "changed"
    assert driver.calls == ["get 0", "put", "get 1000"]


def test_a_body_of_what_was_deleted_meanwhile_ends_with_that() -> None:
    storage, _driver = filled(CuttingStorage(1000, error=CUT))
    with storage.get("key") as body:
        body.read(1000)
        storage.delete("key")
        with pytest.raises(NotFound):
            body.read()


def test_a_body_that_only_breaks_gives_up() -> None:
    storage, driver = filled(CuttingStorage(*[0] * 50, error=CUT))
    with storage.get("key") as body, pytest.raises(Unavailable):
        body.read()
    assert len(driver.calls) == 6


def test_an_error_of_a_body_that_is_not_ours_is_internal() -> None:
    storage, _driver = filled(CuttingStorage(10, error=OSError("disk on fire")))
    with storage.get("key") as body, pytest.raises(Internal) as caught:
        body.read()
    assert "CuttingStorage failed to read 'key' with OSError: disk on fire" in caught.value.message


def test_a_closed_body_cannot_be_read() -> None:
    storage, _driver = filled(FlakyStorage())
    body = storage.get("key")
    body.close()
    with pytest.raises(BadRequest, match="is closed"):
        body.read(1)


def test_a_large_body_is_read_whole() -> None:
    storage, _driver = filled(FlakyStorage())
    data = DATA * 1000
    storage.put("large", data)
    assert storage.read("large") == data


def test_exists() -> None:
    storage, _driver = filled(FlakyStorage())
    assert storage.exists("key") is True
    assert storage.exists("other") is False


@pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 4)])
def test_a_wrong_range_is_refused(start: int, end: int | None) -> None:
    storage, driver = filled(FlakyStorage())
    with pytest.raises(BadRequest):
        storage.get("key", start, end)
    assert driver.calls == []


def test_an_object_is_a_seekable_file() -> None:
    storage, driver = filled(FlakyStorage())
    with storage.open("key", block=1000) as file:
        assert file.read(10) == DATA[:10]
        assert file.read(10) == DATA[10:20]
        assert driver.calls == ["stat", "get 0"]
        assert file.seek(-5, os.SEEK_END) == len(DATA) - 5
        assert file.read() == DATA[-5:]
        assert file.read() == b""
        assert file.seek(3000) == 3000
        assert file.seek(7, os.SEEK_CUR) == 3007
        assert file.read(5) == DATA[3007:3012]
        assert file.seek(10_000) == 10_000
        assert file.read() == b""
        with pytest.raises(ValueError, match="before the object"):
            file.seek(-1)


def test_a_file_is_one_version() -> None:
    storage, _driver = filled(FlakyStorage())
    with storage.open("key", block=1000) as file:
        file.read(10)
        storage.put("key", DATA)
        with pytest.raises(Conflict, match="open it again"):
            file.read()


def test_a_file_reads_like_the_bytes() -> None:
    storage, _driver = filled(FlakyStorage())
    plain: Any = io.BytesIO(DATA)
    with storage.open("key", block=777) as file:
        for offset, count in [(0, 5), (700, 100), (776, 2), (5000, 500), (0, -1), (4999, 1)]:
            assert (file.seek(offset), file.read(count)) == (plain.seek(offset), plain.read(count))
