from __future__ import annotations

import tarfile

import pytest

from ostler.services.executor.overwrites import Overwrites

FILE, DIRECTORY, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE


def show(overwrites: Overwrites, origin: str, *members: tuple[str, bytes]) -> list[str]:
    visit = overwrites.of(origin)
    for name, kind in members:
        member = tarfile.TarInfo(name)
        member.type = kind
        visit(member)
    lines: list[str] = []
    overwrites.tell(lines.append)
    return lines


@pytest.mark.parametrize(
    ("listing", "member", "expected"),
    [
        (b"", ("a", FILE), []),
        (b"a\0", ("a", FILE), ["a from task t overwrites what was there"]),
        (b"a\0", ("a", LINK), ["a from task t overwrites what was there"]),
        (b"a\0", ("a/", DIRECTORY), ["a from task t overwrites what was there"]),
        (b"a/\0", ("a", DIRECTORY), []),
        (b"a/\0", ("a", FILE), ["a from task t overwrites a directory"]),
        (b"b\0a/\0a/x\0", ("a/y", FILE), []),
        (b"odd-\xff\0", ("odd-\udcff", FILE), ["odd-\udcff from task t overwrites what was there"]),
    ],
)
def test_what_was_there(listing: bytes, member: tuple[str, bytes], expected: list[str]) -> None:
    assert show(Overwrites(listing), "t", member) == expected


def test_a_later_archive_overwrites_that_of_an_earlier_one() -> None:
    overwrites = Overwrites(b"")
    assert show(overwrites, "one", ("d", DIRECTORY), ("d/x", FILE)) == []
    lines = show(overwrites, "two", ("d", DIRECTORY), ("d/x", FILE), ("d/y", FILE))
    assert lines == ["d/x from task two overwrites that of task one"]
    assert show(overwrites, "", ("d/x", FILE)) == ["d/x overwrites that of task two"]


def test_only_the_first_hundred_are_named() -> None:
    names = [f"f{number}" for number in range(130)]
    overwrites = Overwrites("\0".join(names).encode())
    lines = show(overwrites, "", *((name, FILE) for name in names))
    assert len(lines) == 101
    assert lines[-1] == "and 30 more"
