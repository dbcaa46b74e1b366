from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostler.archives import Selection, pack
from ostler.errors import NotFound
from ostler.spi.storage import Body


class FolderBody(Body):
    """A directory as a tar stream, in the way that a driver gives it out."""

    opened = 0

    def __init__(self, folder: Path) -> None:
        self._data = io.BytesIO()
        with tarfile.open(fileobj=self._data, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, str(path.relative_to(folder)), recursive=False)
        self._data.seek(0)
        FolderBody.opened += 1

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(size)

    def close(self) -> None:
        FolderBody.opened -= 1
        self._data.close()


def open_folder(path: str) -> Body:
    if not Path(path).is_dir():
        raise NotFound(f"there is no directory {path}")
    return FolderBody(Path(path))


Packed = dict[str, tuple[str, object]]


def listing(data: bytes) -> Packed:
    """What a tar holds: kind and content (of links the target) by name."""
    found: Packed = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            found[member.name] = _kind(archive, member)
    return found


def _kind(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, object]:
    if member.isdir():
        return "dir", oct(member.mode)
    if member.issym():
        return "symlink", member.linkname
    if member.islnk():
        return "link", member.linkname
    content = archive.extractfile(member)
    assert content is not None
    return "file", content.read()


@pytest.fixture
def body_of() -> Iterator[Callable[..., bytes]]:
    """``body_of(Selection(…), …)``: the archive of the selections."""

    def run(*selections: Selection) -> bytes:
        with pack(selections, open_folder) as body:
            return body.read()

    yield run
    assert FolderBody.opened == 0


@pytest.fixture
def packed(body_of: Callable[..., bytes]) -> Callable[..., Packed]:
    """``packed(Selection(…), …)``: what the archive of the selections holds."""
    return lambda *selections: listing(body_of(*selections))
