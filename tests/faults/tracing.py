"""System calls as ``strace -f -y -xx`` tells them, and what they do to a `disk.Disk`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from disk import Directory, Disk, File

CALLS = (
    "openat,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,sync_file_range,syncfs,"
    "link,linkat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir"
)
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(.*)$")
_UNFINISHED = re.compile(r"^(\d+) +(\w+\(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_ARGUMENT = re.compile(r'(?:[^,"<{]|"[^"]*"|<[^>]*>|\{[^}]*\})+')


@dataclass(frozen=True, slots=True)
class Call:
    """A call that succeeded.

    :param arguments: as strace writes them, paths and data in hexadecimal.
    """

    name: str
    arguments: tuple[str, ...]
    result: str

    def __str__(self) -> str:
        paths = [path_of(each) for each in (*self.arguments, self.result) if "<" in each]
        texts = [text(each)[:60] for each in self.arguments if each.startswith('"')]
        return f"{self.name} {' '.join(filter(None, paths))} {texts}"


def read_calls(lines: Iterator[str]) -> Iterator[Call]:
    """Yield the calls of a trace in the order in which they returned."""
    begun: dict[str, str] = {}
    for line in lines:
        if match := _UNFINISHED.match(line):
            begun[match[1]] = match[2]
            continue
        if match := _RESUMED.match(line):
            line = f"{match[1]} {begun.pop(match[1])}{match[2]}"
        match = _LINE.match(line.rstrip())
        if match and not match[4].startswith("-"):
            arguments = tuple(each.strip() for each in _ARGUMENT.findall(match[3]))
            yield Call(match[2], arguments, match[4] + match[5])


def text(argument: str) -> bytes:
    """Return the bytes of a string argument."""
    assert not argument.endswith("..."), "strace cut a string"
    return bytes.fromhex(argument.strip('"').replace("\\x", ""))


def path_of(argument: str) -> str:
    """Return the path that strace writes behind a descriptor."""
    found = re.search(r"<([^>]*)>", argument)
    return bytes.fromhex(found[1].replace("\\x", "")).decode() if found else ""


class Replay:
    """Does to a disk what calls did below a directory.

    :param base: path of the directory, without ``/`` at the end.
    :param told: called with what was written to the file ``marker`` in it.
    """

    def __init__(self, base: str, told: Callable[[bytes], None]) -> None:
        self.disk = Disk()
        self._base, self._told = f"{base}/", told
        self._nameless: dict[str, File] = {}

    def do(self, call: Call) -> bool:
        """Take in a call; return whether it changed what a power loss may leave."""
        step = getattr(self, f"_{call.name}", None)
        return bool(step and step(*call.arguments, call.result))

    def _inside(self, path: str) -> str | None:
        return path.removeprefix(self._base) if path.startswith(self._base) else None

    def _path(self, directory: str | None, name: str) -> str | None:
        given = text(name).decode()
        if given.startswith("/") or directory is None:
            return self._inside(given)
        return self._inside(f"{path_of(directory)}/{given}")

    def _node(self, descriptor: str) -> Directory | File | None:
        path = path_of(descriptor)
        if path in self._nameless and ("(deleted)" in descriptor or "(deleted)" in path):
            return self._nameless[path]
        if path == self._base.rstrip("/"):
            return self.disk.root
        inside = self._inside(path)
        return None if inside is None else self.disk.find(inside)

    def _openat(self, directory: str, name: str, flags: str, *rest: str) -> bool:
        if "O_TMPFILE" in flags:
            file = File()
            self.disk.add(file)
            self._nameless[path_of(rest[-1])] = file
            return False
        path = self._path(directory, name)
        if path is None or "O_CREAT" not in flags or self.disk.find(path):
            assert path is None or "O_TRUNC" not in flags, "not expected here"
            return False
        above, last = self.disk.parent(path)
        above.change({last: self.disk.add(File())})
        return True

    def _write(self, descriptor: str, data: str, *_rest: str) -> bool:
        node = self._node(descriptor)
        if not isinstance(node, File):
            return False
        if path_of(descriptor) == f"{self._base}marker":
            self._told(text(data))
            return False
        node.write(node.size, text(data))
        return True

    def _pwrite64(self, descriptor: str, data: str, _size: str, offset: str, _result: str) -> bool:
        node = self._node(descriptor)
        if isinstance(node, File):
            node.write(int(offset), text(data))
        return node is not None

    def _ftruncate(self, descriptor: str, size: str, _result: str) -> bool:
        node = self._node(descriptor)
        if isinstance(node, File):
            node.truncate(int(size))
        return node is not None

    def _fallocate(self, descriptor: str, *_rest: str) -> bool:
        assert self._node(descriptor) is None, "not expected here"
        return False

    def _fsync(self, descriptor: str, _result: str) -> bool:
        node = self._node(descriptor)
        if node is not None:
            self.disk.synchronise(node)
        return False

    _fdatasync = _fsync

    def _syncfs(self, descriptor: str, _result: str) -> bool:
        if self._node(descriptor) is not None:
            self.disk.synchronise()
        return False

    def _link(self, *arguments: str) -> bool:
        raise AssertionError("not expected here: the posix driver links by descriptor")

    def _linkat(self, old: str, source: str, new: str, name: str, *_rest: str) -> bool:
        path = self._path(new, name)
        if path is None:
            return False
        number = text(source).decode().rpartition("/proc/self/fd/")[2]
        node: Directory | File | None
        if number.isdecimal():
            node = self._node(old)
        else:
            inside = self._path(old, source)
            node = self.disk.find(inside) if inside is not None else None
        assert node is not None, (old, source)
        above, last = self.disk.parent(path)
        above.change({last: node})
        return True

    def _renameat(self, old: str, source: str, new: str, name: str, *_rest: str) -> bool:
        before, after = self._path(old, source), self._path(new, name)
        if before is None or after is None:
            return False
        node = self.disk.find(before)
        (above, last), (below, first) = self.disk.parent(before), self.disk.parent(after)
        if above is below:
            above.change({last: None, first: node})
        else:
            below.change({first: node})
            above.change({last: None})
        return True

    _renameat2 = _renameat

    def _rename(self, source: str, name: str, *_rest: str) -> bool:
        return self._renameat("", source, "", name)

    def _unlinkat(self, directory: str | None, name: str, *_rest: str) -> bool:
        path = self._path(directory, name)
        if path is None or self.disk.find(path) is None:
            return False  # a socket, say: no trace of how it was made
        above, last = self.disk.parent(path)
        above.change({last: None})
        return True

    def _unlink(self, name: str, *_rest: str) -> bool:
        return self._unlinkat(None, name)

    _rmdir = _unlink

    def _mkdirat(self, directory: str | None, name: str, *_rest: str) -> bool:
        path = self._path(directory, name)
        if path is None:
            return False
        above, last = self.disk.parent(path)
        above.change({last: self.disk.add(Directory())})
        return True

    def _mkdir(self, name: str, *_rest: str) -> bool:
        return self._mkdirat(None, name)
