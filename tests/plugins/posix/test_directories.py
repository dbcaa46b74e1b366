from __future__ import annotations

from pathlib import Path

import pytest

from ostler.errors import Conflict, Unknown
from ostler_posix import directories
from ostler_posix.directories import Directories


def test_publish_makes_what_is_missing(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("abcdefgh")
    tries: list[int] = []

    def step() -> None:
        tries.append(1)
        (deep / "file").touch()

    Directories(str(tmp_path)).publish(step, str(deep))
    assert (deep / "file").exists()
    assert len(tries) == 2


def test_publish_goes_on_when_the_directory_is_removed_again(tmp_path: Path) -> None:
    made = Directories(str(tmp_path))
    removals = iter(range(5))

    def step() -> None:
        if next(removals, None) is not None:
            made.prune(str(tmp_path / "a/b"))
        (tmp_path / "a/b/file").touch()

    made.publish(step, str(tmp_path / "a/b"))
    assert (tmp_path / "a/b/file").exists()


def test_publish_gives_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "_PATIENCE", 3)

    def step() -> None:
        raise FileNotFoundError

    with pytest.raises(Unknown, match="as often as it is made"):
        Directories(str(tmp_path)).publish(step, str(tmp_path / "a"))


def test_a_file_on_the_way_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for folder in ("a", "a/b", "a/b/c"):
        path = tmp_path / folder / "file"
        with pytest.raises(Conflict) as caught:
            Directories(str(tmp_path)).publish(path.touch, str(path.parent))
        assert caught.value.code == "key_conflict"


def test_prune_stops_at_what_is_in_use_and_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "root/a/b/c").mkdir(parents=True)
    (tmp_path / "root/a/file").touch()
    made = Directories(str(tmp_path / "root"))
    made.prune(str(tmp_path / "root/a/b/c"))
    assert not (tmp_path / "root/a/b").exists()
    (tmp_path / "root/a/file").unlink()
    made.prune(str(tmp_path / "root/a"))
    assert list((tmp_path / "root").iterdir()) == []
    assert (tmp_path / "root").exists()


def test_persist_synchronises_each_new_directory_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Directories(str(tmp_path / "root"))
    synced: list[str] = []
    real = directories._synchronised

    def synchronise(directory: str) -> int | None:
        synced.append(str(Path(directory).relative_to(tmp_path)))
        return real(directory)

    monkeypatch.setattr(directories, "_synchronised", synchronise)
    deep = tmp_path / "root/a/b"
    made.publish(lambda: (deep / "file").touch(), str(deep))
    made.persist(str(deep))
    assert synced == ["root/a/b", "root/a", "root", "."]
    made.persist(str(deep))
    assert synced[4:] == ["root/a/b"]
    (deep / "file").unlink()
    made.prune(str(deep))
    made.publish(lambda: (deep / "file").touch(), str(deep))
    made.persist(str(deep))
    assert synced[5:] == ["root/a/b", "root/a", "root"]


def test_a_directory_made_again_in_the_same_inode_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an inode number may be used again at once, the one that is remembered must not be free."""
    made = Directories(str(tmp_path))
    folder = tmp_path / "wal"
    folder.mkdir()
    made.persist(str(folder))
    inodes = set()
    for _ in range(20):
        inodes.add(folder.stat().st_ino)
        folder.rmdir()  # as another process does
        folder.mkdir()
        assert folder.stat().st_ino not in inodes
        made.persist(str(folder))
        inodes = {folder.stat().st_ino}
    made.close()


def test_persist_of_what_is_gone_is_nothing(tmp_path: Path) -> None:
    Directories(str(tmp_path)).persist(str(tmp_path / "gone"))
