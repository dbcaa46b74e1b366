from __future__ import annotations

import io
import os
import posixpath
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.errors import BadRequest, NotFound
from ostler.pods import checked_archive

LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime, info.mode = kind, target, 1.5, 0o751
    return info


def tar_of(*members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return stream.getvalue()


def checked(*members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> list[tarfile.TarInfo]:
    data = checked_archive(io.BytesIO(tar_of(*members, form=form))).read()
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as tar:
        return tar.getmembers()


def file(name: str, size: int) -> tarfile.TarInfo:
    info = member(name)
    info.size = size
    return info


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_what_is_harmless_comes_through(form: int) -> None:
    given = [
        member("d", tarfile.DIRTYPE),
        file("d/f", 1000),
        file("d/" + "n" * 90, 0),
        member("d/link", tarfile.SYMTYPE, "../d/f"),
        member("d/up/../..x".replace("/../", "/"), tarfile.SYMTYPE, "./f"),
        member("hard", tarfile.LNKTYPE, "./d/f"),
    ]
    found = checked(*given, form=form)
    assert [(one.name, one.type, one.size, one.mode) for one in found] == [
        (one.name, one.type, one.size, one.mode) for one in given
    ]
    assert [one.linkname for one in found[3:]] == ["../d/f", "./f", "d/f"]
    if form == tarfile.PAX_FORMAT:
        assert {one.mtime for one in found} == {1.5}


def test_names_become_plain_and_the_root_is_left_out() -> None:
    found = checked(
        member("./", tarfile.DIRTYPE), member("./a//b/", tarfile.DIRTYPE), file(".//c", 1)
    )
    assert [one.name for one in found] == ["a/b", "c"]


def test_names_of_any_bytes_come_through() -> None:
    names = ["é\U0001f600", os.fsdecode(b"caf\xe9"), "n" * 300, "a" * 80 + "/" + "b" * 90]
    assert [one.name for one in checked(*(file(name, 1) for name in names))] == names


def test_owners_and_other_headers_are_left_out() -> None:
    info = file("f", 3)
    info.uid, info.gid, info.uname = 1000, 1000, "somebody"
    info.pax_headers = {"SCHILY.xattr.user.x": "y", "path": "f"}
    (found,) = checked(info)
    assert (found.uid, found.gid, found.uname, found.size) == (0, 0, "", 3)
    assert "SCHILY.xattr.user.x" not in found.pax_headers


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("/etc/passwd")], "'/etc/passwd' is absolute"),
        ([member("a/../../b")], "has a '..' part"),
        ([member("..", tarfile.DIRTYPE)], "has a '..' part"),
        ([member(".")], "stands for the root"),
        ([member("l", tarfile.SYMTYPE, "/etc")], "'l' is a link to '/etc', which leads out"),
        ([member("l", tarfile.SYMTYPE, "..")], "leads out"),
        ([member("a/l", tarfile.SYMTYPE, "../../x")], "leads out"),
        ([member("a/l", tarfile.SYMTYPE, "b/../../../x")], "leads out"),
        ([member("l", tarfile.SYMTYPE, "")], "link to nothing"),
        ([member("l", tarfile.LNKTYPE, "/etc/passwd")], "hard link: .* is absolute"),
        ([member("l", tarfile.LNKTYPE, "../x")], "hard link: .* '..' part"),
        ([member("l", tarfile.LNKTYPE, ".")], "hard link to the archive's root"),
        ([member("p", tarfile.FIFOTYPE)], "'p' is a FIFO"),
        ([member("d", tarfile.CHRTYPE)], "'d' is a device"),
        ([member("d", tarfile.BLKTYPE)], "'d' is a device"),
        ([member("v", b"V")], "unknown type b'V'"),
        (
            [member("way", tarfile.SYMTYPE, "real"), member("way/f")],
            "'way/f' lies below 'way', which is a link",
        ),
        (
            [member("way", tarfile.SYMTYPE, "real"), member("./way//deep/f")],
            "'way/deep/f' lies below 'way'",
        ),
        (
            [member("way", tarfile.SYMTYPE, "r"), member("h", tarfile.LNKTYPE, "way/f")],
            "'way/f' lies below 'way'",
        ),
        (
            [
                member("a/b/l", tarfile.SYMTYPE, "../.."),
                member("h", tarfile.LNKTYPE, "a/b/l"),
            ],
            "'h' is a link to '../..', which leads out",
        ),
        (
            [member("a/b/l", tarfile.SYMTYPE, "../.."), member("m", tarfile.SYMTYPE, "a/b/l/..")],
            "'m' is a link to 'a/b/l/..', which leads out",
        ),
        (
            [member("m", tarfile.SYMTYPE, "a/b/l/.."), member("a/b/l", tarfile.SYMTYPE, "../..")],
            "'a/b/l' is a link that another link's '..' passes through",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_could_leave_is_refused(members: list[tarfile.TarInfo], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        checked(file("before", 10), *members)


NAMES = st.lists(st.sampled_from(["a", "b", "c", ".."]), min_size=1, max_size=5).map("/".join)
MEMBERS = st.builds(
    member, NAMES, st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, *LINKS]), NAMES
)


@given(st.lists(MEMBERS, max_size=8))
def test_nothing_that_comes_through_can_leave(members: list[tarfile.TarInfo]) -> None:
    """Every link of an accepted archive, followed as a kernel would, stays inside."""
    try:
        found = checked(*members)
    except BadRequest:
        return
    targets = dict(_symlinks(found))
    for info in found:
        assert _resolved(info.name, targets) is not None, info.name


def _symlinks(found: list[tarfile.TarInfo]) -> Iterator[tuple[str, str]]:
    """The links that unpacking leaves behind: a later member takes an earlier one's place."""
    state: dict[str, str] = {}
    for info in found:
        if info.issym():
            state[info.name] = info.linkname
        elif info.islnk() and info.linkname in state:
            state[info.name] = state[info.linkname]
        else:
            state.pop(info.name, None)
    yield from state.items()


def _resolved(path: str, targets: dict[str, str]) -> str | None:
    """Follow all links of a path below the root; None when it gets out. A loop leads nowhere."""
    here: list[str] = []
    left = path.split("/")
    for _ in range(100):
        if not left:
            break
        part = left.pop(0)
        if part == "..":
            if not here:
                return None
            here.pop()
        elif part != ".":
            name = posixpath.join(*here, part)
            if name in targets:
                left = targets[name].split("/") + left
            else:
                here.append(part)
    return "/".join(here)


WHOLE = tar_of(file("f", 2000), file("g", 10))


@pytest.mark.parametrize("length", [0, 100, 512, 700, 2048, 2600, 3072, 3584, 4096])
def test_cut_archive_is_refused(length: int) -> None:
    with pytest.raises(BadRequest, match="the archive is damaged"):
        checked_archive(io.BytesIO(WHOLE[:length])).read()


def test_archive_with_a_damaged_header_in_its_midst() -> None:
    position = WHOLE.index(b"g\0")
    data = WHOLE[:position] + b"\xff" * 300 + WHOLE[position + 300 :]
    with pytest.raises(BadRequest, match="the archive is damaged"):
        checked_archive(io.BytesIO(data)).read()


def test_what_the_source_raises_comes_out() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 1000:
                raise NotFound("the storage lost it")
            return super().read(min(size or 0, 700))

    archive = checked_archive(Broken(WHOLE))
    for _ in range(2):
        with pytest.raises(NotFound, match="the storage lost it"):
            archive.read()
    assert isinstance(archive.failure, NotFound)


@pytest.mark.parametrize("size", [1, 7, 511, 100_000])
def test_reads_of_any_size_give_the_same(size: int) -> None:
    archive = checked_archive(io.BytesIO(WHOLE))
    pieces = list(iter(lambda: archive.read(size), b""))
    assert b"".join(pieces) == checked_archive(io.BytesIO(WHOLE)).read()
    assert all(len(piece) <= size for piece in pieces)


def test_source_is_read_to_its_end() -> None:
    source = io.BytesIO(WHOLE + bytes(1 << 20))
    checked_archive(source).read()
    assert source.read() == b""
