"""Archives of what globs choose from directories of a pod."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

from ostler.errors import BadRequest, NotFound
from ostler.spi.storage import Body

from .globs import Globs
from .paths import check_link, inner_path
from .reading import END, BodyOf, Pieces, copy_of, members

__all__ = ["Selection", "pack"]

OpenDirectory = Callable[[str], Body]
"""Returns a directory as a tar stream, as `Pod.get_archive` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to take.

    :param source_dir: the directory, absolute.
    :param dest_dir: where it comes to lie in the archive; a leading ``/`` means its root.
    :param paths: globs relative to ``source_dir``, see `Globs`.
    """

    source_dir: str
    dest_dir: str = ""
    paths: Sequence[str] = ("**",)


def pack(selections: Sequence[Selection], open_directory: OpenDirectory) -> Body:
    """Return a tar stream of all that the selections choose.

    Directories above what was chosen come too, so that their modes are kept.
    Links stay links; of a file with several hard links the first that was
    chosen holds the content. Memory stays bounded.

    :raises BadRequest: at once: a pattern or ``dest_dir`` is wrong. While
        reading: a pattern matches nothing, a source directory does not exist,
        or a symbolic link points out of the archive.
    """
    parts = [_Part(selection, open_directory) for selection in selections]
    return BodyOf(_packed(parts))


def _packed(parts: Sequence[_Part]) -> Pieces:
    for part in parts:
        yield from part.stream()
    yield END


class _Part:
    """The archive of one selection."""

    def __init__(self, selection: Selection, open_directory: OpenDirectory) -> None:
        self._selection = selection
        self._open = open_directory
        self._globs = Globs(selection.paths)
        self._dest = inner_path(selection.dest_dir, "dest_dir")
        self._above: list[tarfile.TarInfo] = []  # directories on the way that did not match
        self._linked: dict[str, list[tarfile.TarInfo]] = {}  # by a file that was not chosen

    def stream(self) -> Pieces:
        with self._directory() as source:
            for archive, member in members(source):
                yield from self._taken(archive, member)
        yield from self._contents_of_links()
        self._check_all_matched()

    def _directory(self) -> Body:
        try:
            return self._open(self._selection.source_dir)
        except NotFound as error:
            raise BadRequest(
                f"there is no directory {self._selection.source_dir} to take "
                f"{', '.join(map(repr, self._selection.paths))} from"
            ) from error

    def _taken(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Pieces:
        name = member.name.rstrip("/")
        chosen = self._globs.match(name)
        if not chosen:
            if member.isdir():
                self._forget_other_directories(name)
                self._above.append(member)
            return
        yield from self._directories_above(archive, name)
        if member.islnk() and not self._globs.match(member.linkname):
            self._linked.setdefault(member.linkname, []).append(self._placed(member))
            return
        yield from copy_of(archive, self._placed(member))

    def _directories_above(self, archive: tarfile.TarFile, name: str) -> Pieces:
        self._forget_other_directories(name)
        for directory in self._above:
            yield from copy_of(archive, self._placed(directory))
        self._above.clear()

    def _forget_other_directories(self, name: str) -> None:
        while self._above and not name.startswith(self._above[-1].name.rstrip("/") + "/"):
            self._above.pop()

    def _placed(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        """Return the member under the name that it has in the new archive."""
        placed = copy(member)
        placed.name = posixpath.join(self._dest, member.name)
        if member.islnk():
            placed.linkname = posixpath.join(self._dest, member.linkname)
        elif member.issym():
            check_link(placed.name, member.linkname)
        return placed

    def _contents_of_links(self) -> Pieces:
        """Read the directory again for files that only links to them were chosen of."""
        if not self._linked:
            return
        with self._directory() as source:
            for archive, member in members(source):
                links = self._linked.pop(member.name, None)
                if links:
                    yield from self._first_as_file(archive, member, links)
        if self._linked:
            raise BadRequest(f"{min(self._linked)!r} changed while it was archived")

    def _first_as_file(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, links: list[tarfile.TarInfo]
    ) -> Pieces:
        member.name = links[0].name
        yield from copy_of(archive, member)
        for link in links[1:]:
            link.linkname = links[0].name
            yield from copy_of(archive, link)

    def _check_all_matched(self) -> None:
        if self._globs.missing:
            raise BadRequest(
                f"nothing in {self._selection.source_dir} matches "
                f"{', '.join(map(repr, self._globs.missing))}"
            )
