"""What is written to the log comes back, whole or not at all."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.datamanager.compression import pack
from ostler.datamanager.records import (
    Batch,
    Commit,
    Delete,
    Put,
    Transaction,
    decode_batch,
    encode_batch,
)
from ostler.datamanager.sealing import Kind, digest_of, seal
from ostler.errors import Internal

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
actions = st.builds(Put, text, text, st.binary(max_size=40)) | st.builds(Delete, text, text)
transactions = st.builds(
    Transaction, st.lists(actions, max_size=4).map(tuple), st.lists(text, max_size=3).map(tuple)
)
batches = st.builds(
    Batch,
    st.integers(1, (1 << 63) - 1),
    st.binary(min_size=16, max_size=16),
    text,
    st.lists(transactions, max_size=4).map(tuple),
)
BATCH = Batch(7, b"p" * 16, "writer", (Transaction((Put("one", "a", b"x"),), ("group",)),))


@given(batches)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_a_batch_comes_back(batch: Batch) -> None:
    data = encode_batch(batch)
    found = decode_batch(data, "name")
    assert (found.number, found.previous, found.writer, found.transactions) == (
        batch.number,
        batch.previous,
        batch.writer,
        batch.transactions,
    )
    assert (found.digest, found.size) == (digest_of(data), len(data))


def test_an_empty_value_is_no_deletion() -> None:
    batch = Batch(1, b"", "", (Transaction((Put("one", "a", b""), Delete("one", "a"))),))
    assert decode_batch(encode_batch(batch), "name").transactions == batch.transactions


def test_much_of_the_same_is_stored_compressed() -> None:
    batch = Batch(1, b"", "", (Transaction((Put("one", "a", b"x" * 100_000),)),))
    data = encode_batch(batch)
    assert len(data) < 1000
    assert decode_batch(data, "name").transactions == batch.transactions


def test_the_same_batch_has_the_same_bytes_and_another_one_others() -> None:
    assert encode_batch(BATCH) == encode_batch(BATCH)
    others = [
        Batch(8, BATCH.previous, BATCH.writer, BATCH.transactions),
        Batch(7, b"q" * 16, BATCH.writer, BATCH.transactions),
        Batch(7, BATCH.previous, "other", BATCH.transactions),
        Batch(7, BATCH.previous, BATCH.writer, ()),
    ]
    digests = {digest_of(encode_batch(each)) for each in (BATCH, *others)}
    assert len(digests) == 5


def test_commits_of_a_batch_share_its_number() -> None:
    first, second = Transaction((Delete("one", "a"),), ("g",)), Transaction((), ("h",))
    assert list(Batch(3, b"", "", (first, second)).commits()) == [
        Commit(3, (Delete("one", "a"),), ("g",)),
        Commit(3, (), ("h",)),
    ]


def content(rows: object) -> bytes:
    size, body = pack(msgpack.packb(rows))
    return bytes(msgpack.packb((7, b"", "writer", size, body)))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgpack.packb(7),
        msgpack.packb((7, b"", "writer", 0)),
        msgpack.packb((7, b"", "writer", 0, b"")),
        msgpack.packb((7, b"", "writer", 1000, b"no frame")),
        msgpack.packb((7, b"", "writer", 1 << 63, b"no frame")),
        msgpack.packb((7, b"", "writer", -2, b"no frame")),
        msgpack.packb((7, b"", "writer", "size", b"no frame")),
        msgpack.packb((7, b"", "writer", 0, 7)),
        content(7),
        content([7]),
        content([((), (), ())]),
        content([((), [("one", "a")])]),
        content([(None, [("one", "a", None)])]),
        content([((), 7)]),
    ],
)
def test_what_has_a_right_seal_and_no_batch_in_it_is_damaged(payload: bytes) -> None:
    with pytest.raises(Internal, match="'name' is damaged: its content cannot be read") as caught:
        decode_batch(seal(Kind.WAL, payload), "name")
    assert (caught.value.code, caught.value.details) == ("damaged", {"object": "name"})


def test_an_object_of_another_kind_is_damaged() -> None:
    data = encode_batch(BATCH)
    with pytest.raises(Internal, match="'name' is damaged: it begins with"):
        decode_batch(seal(Kind.MANIFEST, data[16:-16]), "name")
