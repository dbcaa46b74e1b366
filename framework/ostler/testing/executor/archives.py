from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from functools import partial

from ostler.errors import Error, NotFound
from ostler.spi import Body, ExecutorDriver, Pod

from .steps import Base, archive, members, raises, run

__all__ = ["ArchiveChecks"]

_TIME = 1_234_567_890
_MEGA = 1 << 20
_BOUND = 16 * _MEGA
_NAMES = ("plain", "with space", "é\U0001f600", os.fsdecode(b"caf\xe9"), "-n", "q'\"$x", "n" * 200)


class ArchiveChecks(Base):
    """Archives into a pod and out of it."""

    def test_archive_comes_back_as_it_went(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = _home(pod) + "/tree"
            pod.put_archive(path, _tree(), user="")
            with pod.get_archive(path) as body:
                found = members(body)
        assert list(map(_plain, found.values())) == list(map(_plain, members(_tree()).values()))

    def test_archive_lists_parents_first_and_plain_names(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            home = _home(pod)
            run(
                pod,
                "mkdir -p t/a/b t/c; echo 1 > t/a/b/f; echo 2 > t/c/f; cd t; mkfifo pipe",
                working_dir=home,
            )
            with pod.get_archive(f"{home}/t") as body:
                names = list(members(body))
        assert sorted(names) == ["a", "a/b", "a/b/f", "c", "c/f"]
        for name in names:
            parent = name.rpartition("/")[0]
            assert not parent or names.index(parent) < names.index(name), f"{name} before {parent}"

    def test_archive_names_of_any_bytes(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = _home(pod) + "/names"
            pod.put_archive(path, archive(*((name, name[:1].encode()) for name in _NAMES)), user="")
            with pod.get_archive(path) as body:
                found = members(body)
        assert sorted(found) == sorted(_NAMES)

    def test_archive_is_for_the_processes(self, driver: ExecutorDriver) -> None:
        program = tarfile.TarInfo("bin/hello")
        program.mode, program.size = 0o755, 21
        with self.pod(driver) as pod:
            path = _home(pod) + "/new/place"
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w") as tar:
                tar.addfile(program, io.BytesIO(b"#!/bin/sh\necho hello\n"))
            stream.seek(0)
            pod.put_archive(path, stream, user="")
            ended = run(pod, "bin/hello; echo more >> bin/hello; rm -r bin", working_dir=path)
        assert (ended.code, ended.output) == (0, b"hello\n")

    def test_archive_replaces_and_merges(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = _home(pod) + "/merged"
            pod.put_archive(path, archive(("d/kept", b"kept"), ("d/f", b"longer")), user="")
            run(pod, "ln -s kept d/link; ln -s / d/dir", working_dir=path)
            folder = tarfile.TarInfo("d")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            replaced = (("d/f", b"new"), ("d/link", b"file"), ("d/dir", b"file"))
            pod.put_archive(path, archive(folder, *replaced), user="")
            with pod.get_archive(path) as body:
                found = {name: content for name, (_, content) in members(body).items()}
        assert found == {
            "d": b"",
            "d/dir": b"file",
            "d/f": b"new",
            "d/kept": b"kept",
            "d/link": b"file",
        }

    def test_archive_does_not_leave_by_a_link(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            home = _home(pod)
            run(
                pod,
                "mkdir in out; echo safe > out/f; ln -s ../out in/way; ln -s ../out/f in/file",
                working_dir=home,
            )
            for content in (archive(("way/f", b"bad")), archive(("way/new", b"bad"))):
                _try(partial(pod.put_archive, f"{home}/in", content, user=""))
            _try(partial(pod.put_archive, f"{home}/in", archive(("file", b"bad")), user=""))
            ended = run(pod, "ls out; cat out/f", working_dir=home)
        assert ended.output == b"f\nsafe\n", "what lies outside was written through a link"

    def test_archive_of_nothing(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = _home(pod) + "/empty"
            pod.put_archive(path, archive(), user="")
            with pod.get_archive(path) as body:
                assert not members(body)
            raises(NotFound, lambda: _read(pod.get_archive(f"{path}/none")), "a missing directory")

    def test_archive_is_streamed(self, driver: ExecutorDriver) -> None:
        size = 64 * _MEGA
        with self.pod(driver) as pod:
            path = _home(pod) + "/large"
            peak = _peak(lambda: pod.put_archive(path, _Large(size), user=""))
            assert peak < _BOUND, f"putting {size >> 20} MiB took {peak >> 20} MiB of memory"
            peak = _peak(lambda: _read(pod.get_archive(path)))
            assert peak < _BOUND, f"getting {size >> 20} MiB took {peak >> 20} MiB of memory"
            assert run(pod, "wc -c < large", working_dir=path).output.strip() == b"%d" % size

    def test_archive_read_in_part(self, driver: ExecutorDriver) -> None:
        with self.pod(driver) as pod:
            path = _home(pod) + "/part"
            pod.put_archive(path, archive(("f", bytes(4 * _MEGA))), user="")
            body = pod.get_archive(path)
            assert 0 < len(body.read(1000)) <= 1000
            body.close()
            body.close()


class _Large:
    """A tar with one large file of zeros, made while it is read."""

    def __init__(self, size: int) -> None:
        info = tarfile.TarInfo("large")
        info.size = size
        self._head = info.tobuf(tarfile.PAX_FORMAT)
        self._zeros = size + 1024

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        count = min(_MEGA, self._zeros, size if size >= 0 else _MEGA)
        self._zeros -= count
        return bytes(count)


def _tree() -> io.BytesIO:
    folder, private = tarfile.TarInfo("a"), tarfile.TarInfo("a/private")
    folder.type = private.type = tarfile.DIRTYPE
    folder.mode, private.mode = 0o750, 0o500
    empty, link, hard = (tarfile.TarInfo(f"a/{name}") for name in ("empty", "link", "x-hard"))
    empty.mode = 0o640
    link.type, link.linkname = tarfile.SYMTYPE, "../nowhere/at/all"
    hard.type, hard.linkname = tarfile.LNKTYPE, "a/private/run"
    run_me = tarfile.TarInfo("a/private/run")
    run_me.mode = 0o755
    everything = [folder, empty, link, private, run_me, hard]
    for number, member in enumerate(everything):
        member.mtime = _TIME + number
    hard.mtime, hard.mode = run_me.mtime, run_me.mode
    return archive(*everything)


def _plain(item: tuple[tarfile.TarInfo, bytes]) -> tuple[object, ...]:
    member, content = item
    mode = 0 if member.issym() else member.mode  # a link has none
    return member.name, member.type, member.linkname, mode, int(member.mtime), content


def _home(pod: Pod) -> str:
    return pod.directory("~", environment={}, user="", create=True)


def _read(body: Body) -> int:
    with body:
        return sum(map(len, iter(lambda: body.read(_MEGA), b"")))


def _peak(job: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        job()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _try(job: Callable[[], object]) -> None:
    """Do it, or be refused: either is right."""
    try:
        job()
    except Error:
        return
