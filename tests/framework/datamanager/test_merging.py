from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from ostler.datamanager.blocks import Batch, Entry
from ostler.datamanager.merging import batched, entries_of, from_position, live, merge, until

VALUES = st.none() | st.binary(max_size=2)
SOURCES = st.dictionaries(st.text("abcé\U0001f680", max_size=3), VALUES)


def in_batches(entries: list[Entry], size: int) -> Iterator[Batch]:
    for at in range(0, len(entries), size):
        some = entries[at : at + size]
        yield [name for name, _value in some], [value for _id, value in some]


@given(st.lists(st.tuples(SOURCES, st.integers(1, 4)), max_size=5))
def test_of_one_id_the_newest_wins(drawn: list[tuple[dict[str, bytes | None], int]]) -> None:
    expected: dict[str, bytes | None] = {}
    for source, _size in reversed(drawn):
        expected |= source
    merged = list(merge([in_batches(sorted(source.items()), size) for source, size in drawn]))
    assert list(entries_of(merged)) == sorted(expected.items())
    assert all(ids for ids, _values in merged)
    alive = [entry for entry in sorted(expected.items()) if entry[1] is not None]
    assert list(entries_of(live(merged))) == alive


@given(SOURCES, st.integers(1, 4), st.none() | st.text("abcé", max_size=3))
def test_until_stops_before_the_end(
    source: dict[str, bytes | None], size: int, end: str | None
) -> None:
    entries = sorted(source.items())
    expected = [entry for entry in entries if end is None or entry[0] < end]
    assert list(entries_of(until(in_batches(entries, size), end))) == expected


def test_until_reads_no_further() -> None:
    source = in_batches([("a", b""), ("b", b""), ("c", b"")], 1)
    assert list(entries_of(until(source, "b"))) == [("a", b"")]
    assert next(source) == (["c"], [b""])


def test_batches_of_a_sequence_begin_anywhere() -> None:
    entries: list[Entry] = [(f"{number:04}", b"") for number in range(600)]
    for start in (0, 1, 256, 599, 600):
        assert list(entries_of(from_position(entries, start))) == entries[start:]
    assert list(entries_of(batched(iter(entries)))) == entries


@given(st.lists(st.text(), unique=True))
def test_python_orders_ids_as_their_bytes(ids: list[str]) -> None:
    assert sorted(ids) == sorted(ids, key=str.encode)
