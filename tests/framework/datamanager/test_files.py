from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.datamanager.blocks import Entry
from ostler.datamanager.files import FileCache, FileInfo, FileReader, write_files

from .files_support import Files

IDS = st.text(max_size=6)
SIZES = st.sampled_from([0, 1, 10, 100, 1000])
NOISE = random.Random(5).randbytes(1000)
ENTRIES = st.dictionaries(IDS, st.none() | SIZES.map(lambda size: NOISE[:size]), max_size=20)


def numbered(count: int, size: int = 100, seed: int = 3) -> list[Entry]:
    dice = random.Random(seed)
    return [(f"id-{number:06}", dice.randbytes(size)) for number in range(count)]


@settings(deadline=None)
@given(ENTRIES, st.integers(1, 3000), st.integers(1, 500))
def test_what_is_written_is_read(
    model: dict[str, bytes | None], limit: int, block_size: int
) -> None:
    files = Files()
    entries = sorted(model.items())
    infos = files.write(entries, limit=limit, block_size=block_size)
    found = [entry for info in infos for entry in files.fresh(info).scan()]
    assert found == entries
    for info in infos:
        check_info(files, info, limit)
    for name, value in entries:
        (holder,) = [info for info in infos if info.first <= name <= info.last]
        assert files.fresh(holder).get(name) == (True, value)
        assert files.open(holder).get(name) == (True, value)


def check_info(files: Files, info: FileInfo, limit: int) -> None:
    """Every field is as its contract says, and the size is within the limit."""
    reader = files.fresh(info)
    reader.verify()
    data = files.storage.read(info.key)
    entries = list(reader.scan())
    assert info == FileInfo(
        key=info.key,
        first=entries[0][0],
        last=entries[-1][0],
        count=len(entries),
        size=len(data),
        digest=hashlib.blake2b(data, digest_size=16).digest(),
        raw=sum(len(name.encode()) + len(value or b"") for name, value in entries),
    )
    assert info.key.startswith("data/kind/")
    assert info.weight <= limit or len(reader.index().firsts) == 1


@settings(deadline=None)
@given(ENTRIES, IDS, IDS, st.integers(1, 200))
def test_a_scan_begins_anywhere(
    model: dict[str, bytes | None], after: str, start: str, block_size: int
) -> None:
    files = Files()
    entries = sorted(model.items())
    for info in files.write(entries, block_size=block_size):
        for reader in (files.fresh(info), files.open(info)):
            expected = [entry for entry in entries if (not after or entry[0] > after)]
            assert list(reader.scan(start_after=after)) == expected
            expected = [entry for entry in expected if entry[0] >= start]
            assert list(reader.scan(start_after=after, start=start)) == expected


@settings(deadline=None)
@given(ENTRIES, st.lists(IDS))
def test_what_is_absent_is_not_found(model: dict[str, bytes | None], others: list[str]) -> None:
    files = Files()
    for info in files.write(sorted(model.items()), block_size=50):
        for name in others:
            assert files.open(info).get(name) == (name in model, model.get(name))


def test_no_entries_make_no_file(files: Files) -> None:
    assert files.write([]) == []
    assert list(files.storage.objects()) == []


def test_the_last_entry_of_every_file_exists(files: Files) -> None:
    entries = numbered(400)
    infos = files.write(entries, limit=3000, block_size=500)
    assert len(infos) > 10
    assert sum(info.count for info in infos) == 400
    values = dict(entries)
    for info in infos:
        for name in (info.first, info.last):
            assert files.open(info).get(name) == (True, values[name])


def test_a_value_larger_than_block_and_file_has_a_file_of_its_own(files: Files) -> None:
    entries = numbered(20)
    entries[10] = (entries[10][0], random.Random(1).randbytes(50_000))
    infos = files.write(entries, limit=5000, block_size=500)
    large = [info for info in infos if info.size > 5000]
    assert [(info.first, info.count) for info in large] == [(entries[10][0], 1)]
    assert large[0].size < 50_000 + 500
    assert files.fresh(large[0]).get(entries[10][0]) == (True, entries[10][1])


def test_a_file_of_tiny_or_well_compressed_entries_ends_in_time(files: Files) -> None:
    tiny = files.write([(f"{number:06}", b"") for number in range(5000)], 16_000, 500)
    assert max(info.count for info in tiny) <= 1000
    empty = files.write([(f"{number:06}", bytes(1000)) for number in range(500)], 16_000, 5000)
    assert max(info.raw for info in empty) <= 128_000


def test_what_compresses_is_compressed_and_what_does_not_is_not(files: Files) -> None:
    (small,) = files.write([(f"{number:06}", b"text" * 250) for number in range(1000)])
    assert small.size < small.raw / 20
    (large,) = files.write(numbered(1000, 1000))
    assert large.raw < large.size < large.raw * 1.02


def test_compression_goes_on_after_what_could_not_be_compressed(files: Files) -> None:
    entries = numbered(200, 1000) + [(f"text{number:06}", bytes(1000)) for number in range(400)]
    (info,) = files.write(entries)
    assert info.size < 200_000 * 1.05 + 200_000


def test_the_same_entries_make_the_same_bytes() -> None:
    entries = numbered(300)
    made = [Files().write(entries, limit=9000) for _each in range(2)]
    assert made[0] == made[1]


def test_files_come_while_entries_are_still_drawn() -> None:
    drawn = 0

    def entries() -> Iterator[Entry]:
        nonlocal drawn
        for entry in numbered(2000):
            drawn += 1
            yield entry

    files = Files()
    next(write_files(files.storage, "kind", entries(), limit=5000, new_id=files.new_id))
    assert drawn < 700


@pytest.mark.parametrize("count", [1, 700, 20_000])
def test_opening_takes_one_read_and_a_block_another(count: int) -> None:
    files = Files()
    (info,) = files.write(numbered(count, 100))
    reads: list[tuple[int, int | None]] = []
    get = files.storage.get

    def counting(key: str, start: int = 0, end: int | None = None) -> object:
        reads.append((start, end))
        return get(key, start, end)

    files.storage.get = counting  # type: ignore[method-assign, assignment]
    assert files.open(info).get("id-000000")[0]
    assert len(reads) == 2
    assert files.open(info).get("id-000000")[0]
    assert files.open(info).get("absent") == (False, None)
    assert len(reads) == 2


def test_long_ids_take_one_read_more(files: Files) -> None:
    entries: list[Entry] = [(f"{'x' * 900}{number:06}", b"") for number in range(3000)]
    (info,) = files.write(entries)
    assert files.fresh(info).get(entries[1234][0]) == (True, b"")


def test_many_threads_share_a_reader_and_a_small_cache(files: Files) -> None:
    entries = numbered(2000)
    (info,) = files.write(entries)
    shared = FileReader(files.storage, info, FileCache(100_000))

    def read(seed: int) -> int:
        some = random.Random(seed).sample(entries, 200)
        return sum(shared.get(name) == (True, value) for name, value in some)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(8))) == [200] * 8
