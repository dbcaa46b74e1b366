from __future__ import annotations

import io
import tarfile
import tracemalloc

import pytest

from ostler.archives import rewrite
from ostler.errors import BadRequest


def tar(**files: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


class Endless:
    """A tar of so many empty files, made as it is read."""

    def __init__(self, count: int) -> None:
        self._headers = (tarfile.TarInfo(f"file-{number}").tobuf() for number in range(count))

    def read(self, size: int = -1, /) -> bytes:
        return next(self._headers, b"")


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


def test_every_member_is_shown_and_may_be_renamed() -> None:
    def visit(member: tarfile.TarInfo) -> None:
        member.name = f"below/{member.name}"

    with rewrite(io.BytesIO(tar(a=b"1", b=b"22")), visit) as body:
        data = body.read()
    assert names(data) == ["below/a", "below/b"]


@pytest.mark.parametrize("size", [1, 511, 512, 10_000, 1 << 20])
def test_reads_of_any_size_give_the_same_bytes(size: int) -> None:
    source = tar(a=b"x" * 5000, b=b"", c=b"y" * 512)
    whole = rewrite(io.BytesIO(source), lambda member: None).read()
    body = rewrite(io.BytesIO(source), lambda member: None)
    pieces = list(iter(lambda: body.read(size), b""))
    assert b"".join(pieces) == whole
    assert all(len(piece) == size for piece in pieces[:-1])


def test_what_a_visit_raises_comes_out_unchanged() -> None:
    def visit(member: tarfile.TarInfo) -> None:
        raise BadRequest(f"no {member.name}")

    with pytest.raises(BadRequest, match="no a"):
        rewrite(io.BytesIO(tar(a=b"1")), visit).read()


@pytest.mark.parametrize("data", [b"", b"no tar at all", tar(a=b"x" * 2000)[:1024]])
def test_what_is_no_whole_tar_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest, match="not a whole tar"):
        rewrite(io.BytesIO(data), lambda member: None).read()


def test_memory_does_not_grow_with_the_number_of_members() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        body = rewrite(Endless(count), lambda member: None)
        while body.read(1 << 16):
            continue
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(2000) < peak(200) + 100_000


def test_a_closed_body_is_at_its_end() -> None:
    body = rewrite(io.BytesIO(tar(a=b"1")), lambda member: None)
    body.read(10)
    body.close()
    assert body.read() == b""
