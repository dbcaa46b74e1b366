"""Nothing that happens to a file goes unseen."""

from __future__ import annotations

import random
import tracemalloc
from zlib import crc32

import msgpack
import pytest

from ostler.datamanager.blocks import Block, Entry
from ostler.datamanager.compression import Compressor
from ostler.datamanager.files import FileInfo
from ostler.datamanager.footer import Contents
from ostler.datamanager.sealing import seal
from ostler.errors import Internal

from .files_support import Files

DICE = random.Random(11)
SHAPES: dict[str, list[Entry]] = {
    "one empty value": [("id", b"")],
    "one tombstone": [("id", None)],
    "no id": [("", b"value")],
    "incompressible": [(f"{number}", DICE.randbytes(40)) for number in range(8)],
    "compressible": [(f"{number}", b"x" * 90) for number in range(8)],
    "mixed": [("a", None), ("b", b"y" * 300), ("é", DICE.randbytes(200)), ("\U0001f680", b"")],
}


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> list[Entry]:
    return SHAPES[request.param]


def written(entries: list[Entry]) -> tuple[Files, FileInfo, bytes]:
    files = Files()
    (info,) = files.write(entries, block_size=100)
    return files, info, files.storage.read(info.key)


def check_found(files: Files, info: FileInfo, entries: list[Entry]) -> None:
    """The whole check says so, and every read either says so or is right."""
    check_error(info, lambda: files.fresh(info).verify())
    failed = 0
    for name, value in entries:
        try:
            found = files.fresh(info).get(name)
        except Internal as error:
            failed += (error.code, error.details) == ("damaged", {"object": info.key})
        else:
            assert found == (True, value)
    assert failed
    check_error(info, lambda: list(files.fresh(info).scan()))


def check_error(info: FileInfo, call: object, code: str = "damaged") -> None:
    assert callable(call)
    with pytest.raises(Internal, match=info.key) as caught:
        call()
    assert (caught.value.code, caught.value.details) == (code, {"object": info.key})


def test_every_flipped_byte_is_found(shape: list[Entry]) -> None:
    files, info, data = written(shape)
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        files.storage.put(info.key, bytes(flipped))
        check_found(files, info, shape)


def test_every_cut_is_found(shape: list[Entry]) -> None:
    files, info, data = written(shape)
    for length in range(len(data)):
        files.storage.put(info.key, data[:length])
        check_found(files, info, shape)


def test_bytes_behind_the_end_are_found(shape: list[Entry]) -> None:
    files, info, data = written(shape)
    files.storage.put(info.key, data + b"\0")
    check_found(files, info, shape)


def test_zeros_in_place_of_the_content_are_found(shape: list[Entry]) -> None:
    files, info, data = written(shape)
    files.storage.put(info.key, bytes(len(data)))
    check_found(files, info, shape)


def test_a_missing_file_is_named() -> None:
    files, info, _data = written(SHAPES["mixed"])
    files.storage.delete(info.key)
    for call in (
        lambda: files.fresh(info).verify(),
        lambda: files.fresh(info).get("a"),
        lambda: list(files.fresh(info).scan()),
        lambda: list(files.fresh(info).scan(start="b")),
    ):
        check_error(info, call, "missing")


def test_another_whole_file_in_its_place_is_found() -> None:
    files, info, _data = written(SHAPES["incompressible"])
    others = [(name, bytes(reversed(value or b""))) for name, value in SHAPES["incompressible"]]
    (other,) = files.write(others, block_size=100)
    assert other.size == info.size
    files.storage.put(info.key, files.storage.read(other.key))
    check_error(info, lambda: files.fresh(info).verify())
    shifted = [(f"{number + 1}", value) for number, (_id, value) in enumerate(others)]
    (other,) = files.write(shifted, block_size=100)
    files.storage.put(info.key, files.storage.read(other.key))
    check_error(info, lambda: files.fresh(info).get("0"))


def test_damage_in_a_block_leaves_the_others_readable() -> None:
    files, info, data = written(SHAPES["incompressible"])
    files.storage.put(info.key, b"\xff" + data[1:])
    check_error(info, lambda: files.fresh(info).get("0"))
    assert files.fresh(info).get("7") == (True, SHAPES["incompressible"][7][1])


def crafted(files: Files, stored: bytes, length: int) -> FileInfo:
    """Store a file of one entry "id" with right checksums around any block."""
    contents = Contents()
    contents.add(Block(["id"], [b""], [crc32(b"id")], 2), stored, length)
    data = stored + contents.footer("data/kind/crafted")
    files.storage.put("data/kind/crafted", data)
    return FileInfo("data/kind/crafted", "id", "id", 1, len(data), b"", 2)


def test_a_block_that_would_grow_beyond_its_length_takes_no_memory() -> None:
    files = Files()
    bomb = Compressor().shorter(bytes(200 << 20))
    info = crafted(files, bomb, 1000)
    del bomb
    tracemalloc.start()
    try:
        check_error(info, lambda: files.fresh(info).get("id"))
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("stored", "length"),
    [
        (b"junk", 1000),
        (Compressor().shorter(bytes(1000)), 1001),
        (msgpack.packb(["id"]), 4),
        (msgpack.packb([]), 1),
        (msgpack.packb({"id": b""}), 6),
        (b"\xdd\xff\xff\xff\xff", 5),
        (b"\xc1", 1),
    ],
)
def test_a_block_that_is_none_is_found(stored: bytes, length: int) -> None:
    files = Files()
    info = crafted(files, stored, length)
    check_error(info, lambda: files.fresh(info).get("id"))
    check_error(info, lambda: files.fresh(info).verify())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        msgpack.packb(7),
        msgpack.packb({}),
        msgpack.packb(
            {
                "key": "",
                "firsts": [],
                "last": "",
                "count": 0,
                "deleted": 0,
                "blocks": b"",
                "filter": 0,
            }
        ),
    ],
)
def test_an_index_that_is_none_is_found(payload: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    monkeypatch.setattr(
        "ostler.datamanager.footer.seal", lambda kind, _payload: seal(kind, payload)
    )
    info = crafted(files, b"x", 1)
    check_error(info, lambda: files.fresh(info).get("id"))


def test_entries_out_of_order_are_found_by_the_whole_check() -> None:
    files = Files()
    (info,) = files.write([("b", b""), ("a", b""), ("c", b"")])
    check_error(info, lambda: files.fresh(info).verify())


def test_a_file_of_a_newer_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    with monkeypatch.context() as patch:
        patch.setattr("ostler.datamanager.sealing.VERSION", 2)
        (info,) = files.write([("id", b"")])
    check_error(info, lambda: files.fresh(info).get("id"), "newer_version")


def test_a_file_in_the_place_of_another_one_is_found_however_alike() -> None:
    files = Files()
    (older,) = files.write([("id", b"older")])
    (newer,) = files.write([("id", b"newer")])
    files.storage.put(newer.key, files.storage.read(older.key))
    check_error(newer, lambda: files.fresh(newer).get("id"))
