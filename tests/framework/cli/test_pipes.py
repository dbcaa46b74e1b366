from __future__ import annotations

import os
import threading

import pytest

from ostler.cli._pipes import PipeSource
from ostler.errors import Conflict


@pytest.mark.parametrize("size", [-1, 3])
def test_a_pipe_is_read_to_its_end(size: int) -> None:
    (reading, writing), (woken, wake) = os.pipe(), os.pipe()
    os.write(writing, b"12345")
    os.close(writing)
    source = PipeSource(reading, woken)
    pieces = [source.read(size), source.read(size), source.read(size)]
    assert pieces == ([b"12345", b"", b""] if size < 0 else [b"123", b"45", b""])
    assert not source.seekable()
    for descriptor in (reading, woken, wake):
        os.close(descriptor)


def test_waiting_for_a_pipe_ends_when_it_is_told() -> None:
    (reading, writing), (woken, wake) = os.pipe(), os.pipe()
    waker = threading.Thread(target=os.write, args=(wake, b"x"))
    waker.start()
    with pytest.raises(Conflict) as caught:
        PipeSource(reading, woken).read(1)
    waker.join()
    assert caught.value.code == "cancelled"
    for descriptor in (reading, writing, woken, wake):
        os.close(descriptor)
