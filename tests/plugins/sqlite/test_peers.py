from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostler.spi import Put
from ostler_sqlite.driver import SqliteDriver
from ostler_sqlite.peers import Ear, Voice

OpenStore = Callable[..., SqliteDriver]


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    made = Ear(str(tmp_path))
    yield made
    made.close()


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    made = Voice(str(tmp_path))
    yield made
    made.close()


def test_ring_is_heard_once(ear: Ear, voice: Voice) -> None:
    assert not ear.wait(0.001)
    for _ in range(3):
        voice.ring()
    assert ear.wait(5)
    assert not ear.wait(0.001)


def test_own_ear_is_spared(ear: Ear, voice: Voice) -> None:
    voice.own = ear.name
    voice.ring()
    assert not ear.wait(0.001)
    ear.ring()
    assert ear.wait(5)


def test_new_ears_are_found(tmp_path: Path, ear: Ear, voice: Voice) -> None:
    voice.ring()
    assert ear.wait(5)
    other = Ear(str(tmp_path))
    voice.ring()
    assert (ear.wait(5), other.wait(5)) == (True, True)
    other.close()
    voice.ring()
    assert os.listdir(tmp_path) == [ear.name]


def test_full_ear_holds_nobody_up(ear: Ear, voice: Voice) -> None:
    for _ in range(2000):
        voice.ring()
    assert ear.wait(5)


def test_nobody_is_there(tmp_path: Path) -> None:
    voice = Voice(str(tmp_path / "absent"))
    voice.ring()
    voice.close()


def test_change_that_nobody_told_of_is_found(
    driver: SqliteDriver, second_driver: SqliteDriver, path: str
) -> None:
    with driver.watch("k", 0) as watch:
        (name,) = os.listdir(f"{path}-peers")
        os.unlink(f"{path}-peers/{name}")
        revision = second_driver.txn([], [Put("k", b"")], []).revision
        assert [event.revision for event in watch.next(5)] == [revision]
