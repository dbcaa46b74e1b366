from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostler.datamanager import Delete
from ostler.errors import Compacted

from .opened_support import Opened


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path)
    yield made
    made.close()


def test_what_was_written_since_is_told_before_and_after_a_checkpoint(opened: Opened) -> None:
    opened.put("1", "2")
    at = opened.database.changes("a", 0, opened.database.snapshot().manifest.digest)
    assert (at.number, at.entries) == (1, {"1": b"x", "2": b"x"})
    opened.put("3", data=b"y")
    opened.put("4", type="b")
    opened.database.commit([Delete("a", "1")])
    expected = {"3": b"y", "1": None}
    for _ in range(2):
        since = opened.database.changes("a", at.number, at.digest)
        assert (since.number, since.entries) == (4, expected)
        opened.database.checkpoint()
    assert opened.database.changes("a", since.number, since.digest).entries == {}


def test_what_is_not_of_this_database_or_no_longer_kept_is_compacted(opened: Opened) -> None:
    opened.put("1")
    at = opened.database.changes("a", 0, opened.database.snapshot().manifest.digest)
    opened.put("2")
    opened.put("3")
    for number, digest in ((at.number, b"another"), (3, b"another"), (99, at.digest)):
        with pytest.raises(Compacted):
            opened.database.changes("a", number, digest)
    opened.database.checkpoint()
    with pytest.raises(Compacted):
        opened.database.changes("a", at.number, b"another")
    opened.ost.delete(opened.keys("wal/")[1])
    with pytest.raises(Compacted):
        opened.database.changes("a", at.number, at.digest)
