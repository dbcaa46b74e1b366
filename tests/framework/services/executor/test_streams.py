from __future__ import annotations

import io
from pathlib import Path

import pytest

from ostler.errors import Conflict, Unavailable
from ostler.pods import EventCancel
from ostler.services.executor.streams import CancellableSource, LazyBody, spool
from ostler.spi.storage import Body


class _Broken:
    def __init__(self) -> None:
        self._pieces = [b"some"]

    def read(self, size: int = -1, /) -> bytes:
        if not self._pieces:
            raise Unavailable("cut off")
        return self._pieces.pop()


class _Body(Body):
    closed = False

    def read(self, size: int = -1, /) -> bytes:
        return b"x"

    def close(self) -> None:
        self.closed = True


def test_spool_writes_everything(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    spool(io.BytesIO(data), str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == data


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cut off"):
        spool(_Broken(), str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_does_not_take_it_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the executor cannot write"):
        spool(io.BytesIO(b"x"), str(tmp_path / "no" / "x"))


def test_a_source_breaks_off_when_cancelled() -> None:
    cancel = EventCancel()
    source = CancellableSource(io.BytesIO(b"abc"), cancel)
    assert source.read(1) == b"a"
    cancel.set()
    with pytest.raises(Conflict) as caught:
        source.read(1)
    assert caught.value.code == "cancelled"


def test_a_lazy_body_is_opened_by_the_first_read() -> None:
    opened: list[_Body] = []

    def open_body() -> Body:
        opened.append(_Body())
        return opened[-1]

    LazyBody(open_body).close()
    assert opened == []
    with LazyBody(open_body) as body:
        assert body.read() + body.read() == b"xx"
    assert [body.closed for body in opened] == [True]
