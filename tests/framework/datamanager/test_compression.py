from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostler.datamanager.compression import Compressor, decompressed, pack, unpack

DICE = random.Random(5)
NOISE = DICE.randbytes(1000)
ZEROS = bytes(1000)


@given(st.binary(max_size=2000) | st.binary(max_size=20).map(lambda piece: piece * 100))
@example(NOISE)
@example(ZEROS)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_what_was_packed_comes_back(data: bytes) -> None:
    size, packed = pack(data)
    assert unpack(size, packed) == data
    assert len(packed) <= len(data)
    assert size == (len(data) if len(packed) < len(data) else 0)


def test_little_is_not_tried() -> None:
    assert pack(bytes(511)) == (0, bytes(511))
    assert pack(bytes(512))[0] == 512


def test_what_does_not_become_shorter_is_packed_as_it_is() -> None:
    assert pack(NOISE) == (0, NOISE)


@given(
    st.integers(-(1 << 63), (1 << 64) - 1) | st.integers(-3, 3),
    st.binary(max_size=50) | st.just(pack(ZEROS)[1]),
)
@example(1000, pack(ZEROS)[1] + b"x")
@example(1000, pack(ZEROS)[1][:-1])
@example(1000, pack(ZEROS)[1] * 2)
@example(999, pack(ZEROS)[1])
@example(1001, pack(ZEROS)[1])
@example(-2, pack(ZEROS)[1])
@example(1 << 63, pack(ZEROS)[1])
@settings(deadline=None, max_examples=60, derandomize=True)
def test_what_was_never_packed_is_refused_as_a_value_error(size: int, data: bytes) -> None:
    if size == 0 or (size, data) == pack(ZEROS):
        return
    with pytest.raises(ValueError):
        unpack(size, data)


def test_a_piece_is_one_frame_if_that_is_shorter() -> None:
    compressor = Compressor()
    frame = compressor.shorter(ZEROS)
    assert len(frame) < 100
    assert decompressed(frame, 1000) == ZEROS
    assert decompressed(memoryview(frame), 1000) == ZEROS
    assert compressor.shorter(NOISE) == NOISE


def test_every_frame_stands_for_itself() -> None:
    compressor = Compressor()
    pieces = [f"piece {number} ".encode() * 50 for number in range(5)]
    frames = [compressor.shorter(piece) for piece in pieces]
    assert [decompressed(frames[at], len(pieces[at])) for at in (4, 0, 3, 1, 2)] == [
        pieces[at] for at in (4, 0, 3, 1, 2)
    ]


def test_after_pieces_that_became_no_shorter_one_in_eight_is_tried() -> None:
    compressor = Compressor()
    for _ in range(100):
        compressor.shorter(NOISE)
    tried = [len(compressor.shorter(ZEROS)) < 1000 for _ in range(8)]
    assert tried.count(True) >= 1
    assert all(tried[tried.index(True) :])


def test_after_one_such_piece_one_is_left_out() -> None:
    compressor = Compressor()
    compressor.shorter(NOISE)
    lengths = [len(compressor.shorter(ZEROS)) for _ in range(3)]
    assert (lengths[0], lengths[1] < 100, lengths[2] < 100) == (1000, True, True)
