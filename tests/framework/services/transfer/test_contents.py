from __future__ import annotations

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import Conflict
from ostler.services.transfer import contents
from ostler.services.transfer.contents import same_bytes
from ostler.services.transfer.sources import Metered


class Short(io.BytesIO):
    """Gives a few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self.most, self.most if size is None or size < 0 else size))


@given(st.binary(max_size=8), st.binary(max_size=8), st.integers(1, 5), st.integers(1, 5))
def test_bytes_are_the_same_however_they_come(
    one: bytes, other: bytes, first: int, second: int
) -> None:
    moved: list[int] = []
    metered = Metered(Short(one, first), moved.append, threading.Event())
    same = same_bytes(metered, Short(other, second))
    assert same == (one == other)
    assert not same or sum(moved) == len(one)


def test_it_ends_at_the_first_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_PIECE", 2)
    one, other = io.BytesIO(b"aabbcc"), io.BytesIO(b"aaxbcc")
    assert not same_bytes(one, other)
    assert one.read() == b"cc"


def test_it_can_be_stopped() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Conflict) as caught:
        same_bytes(Metered(io.BytesIO(b"a"), lambda count: None, stop), io.BytesIO(b"a"))
    assert caught.value.code == "cancelled"
