from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler_posix import nodes
from ostler_posix.flat import PosixFlatStorage
from ostler_posix.nodes import Nodes, walk_nodes
from ostler_posix.settings import PosixSettings


def place(root: Path, key: bytes, all_nodes: Nodes) -> None:
    path = all_nodes.place(key)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    all_nodes.annotate(path, key)
    Path(path).touch()


def widest(root: Path) -> int:
    return max(len(files) for _path, _directories, files in os.walk(root))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_ROOM", 4)
    monkeypatch.setattr(nodes, "_RECOUNT", 2)


def test_no_directory_grows_without_bound(tmp_path: Path) -> None:
    placed = Nodes(str(tmp_path))
    keys = [b"logs/%06d/data/setup.log" % number for number in range(3000)]
    for key in keys:
        place(tmp_path, key, placed)
    assert widest(tmp_path) <= 256
    assert [key for key, _path in walk_nodes(str(tmp_path), b"", b"")] == keys


def test_two_processes_share_the_room_of_a_node(tmp_path: Path, narrow: None) -> None:
    both = Nodes(str(tmp_path)), Nodes(str(tmp_path))
    for number in range(40):
        place(tmp_path, b"%04d" % number, both[number % 2])
    assert widest(tmp_path) <= 4 + 2
    assert len(list(walk_nodes(str(tmp_path), b"", b""))) == 40


def test_what_was_removed_makes_room(tmp_path: Path, narrow: None) -> None:
    placed = Nodes(str(tmp_path))
    for number in range(20):
        key = b"%04d" % number
        place(tmp_path, key, placed)
        found = placed.find(key)
        assert found == str(tmp_path / f"={number:04}")
        placed.remove(found)
    assert os.listdir(tmp_path) == []


@settings(deadline=None, max_examples=60)
@given(
    keys=st.sets(st.binary(min_size=1, max_size=6) | st.binary(min_size=300, max_size=1024)),
    prefix=st.binary(max_size=2),
    start=st.binary(max_size=3),
)
def test_any_bytes_come_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, keys: set[bytes], prefix: bytes, start: bytes
) -> None:
    root = tmp_path_factory.mktemp("nodes")
    placed = Nodes(str(root))
    placed_keys = sorted(keys, key=lambda key: key[::-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nodes, "_ROOM", 2)
        for key in placed_keys:
            place(root, key, placed)
    found = [key for key, _path in walk_nodes(str(root), prefix, start)]
    assert found == sorted(key for key in keys if key.startswith(prefix) and key > start)
    for key in keys:
        path = placed.find(key)
        assert path is not None
        placed.remove(path)
    assert [files for _path, _directories, files in os.walk(root) if files] == []


def test_a_long_name_left_by_a_crash_is_no_harm(flat: PosixFlatStorage, root: Path) -> None:
    key = "k" * 1024
    placed = Nodes(str(root / "objects"))
    path = placed.place(key.encode())
    os.makedirs(os.path.dirname(path))
    placed.annotate(path, key.encode())
    assert list(flat.list("", "", "")) == []
    flat.put(key, io.BytesIO(b"x"), size=1, persist=False, if_absent=True)
    assert [info.key for info in flat.list("", "", "")] == [key]  # type: ignore[union-attr]


def test_a_listing_of_100_000_takes_no_more_memory_than_one_of_1_000(large_root: Path) -> None:
    peaks = []
    for count in (1_000, 100_000):
        root = large_root / str(count)
        placed = Nodes(str(root))
        made = set()
        for number in range(count):
            path = placed.place(b"data/%06d" % number)
            folder = path.rpartition("/")[0]
            if folder not in made:
                os.makedirs(folder, exist_ok=True)
                made.add(folder)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        tracemalloc.start()
        assert sum(1 for _found in walk_nodes(str(root), b"", b"")) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (1 << 20)


def test_both_drivers_of_one_path_see_the_same(root: Path, flat: PosixFlatStorage) -> None:
    other = PosixFlatStorage(PosixSettings(path=str(root)))
    flat.put("a", io.BytesIO(b"1"), size=1, persist=False, if_absent=True)
    assert other.stat("a") == flat.stat("a")
    other.delete("a")
    assert list(flat.list("", "", "")) == []
    other.close()
