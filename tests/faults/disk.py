"""A model of what a disk may hold after a power loss, fed with system calls.

The model follows ALICE (Pillai and others, "All File Systems Are Not Created
Equal", OSDI 2014) and CrashMonkey (Mohan and others, OSDI 2018): not one file
system, but what POSIX promises, and a little more that all of them keep:

- What was written to a file is durable once ``fsync`` or ``fdatasync`` of it, or
  ``syncfs``, has returned. Of what was written since, each page of 4 KiB may
  have reached the disk or not, in any combination, and so may each change of
  the size; a page that did not reads as it was before, or as zeros.
- A directory is a list of changes. Those before its last ``fsync`` (or
  ``syncfs``) are durable; of those since, the first so many are, for each
  directory on its own. So a new name may be lost while the data are there, a
  removed one may be back, and a directory may be gone with all in it.
- A name that replaces another does so at once, as does a rename within a
  directory; of a rename across directories each half may be there without the other.

It is weaker than ext4, xfs or btrfs, which keep more. It has no torn pages, no
damaged ones, and no disk that lies about a flush.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PAGE = 4096

Tree = dict[str, bytes | None]
"""Path of each file, and its content; None: a directory."""


@dataclass(eq=False)
class File:
    """An inode: what was written to it, as pieces of at most a page, in their order."""

    pieces: list[tuple[int, bytes | None]] = field(default_factory=list)
    durable: int = 0
    size: int = 0

    def write(self, offset: int, data: bytes) -> None:
        at = 0
        while at < len(data):
            length = PAGE - (offset + at) % PAGE
            self.pieces.append((offset + at, data[at : at + length]))
            at += length
        self.size = max(self.size, offset + len(data))

    def truncate(self, size: int) -> None:
        self.pieces.append((size, None))
        self.size = size

    @property
    def pending(self) -> int:
        return len(self.pieces) - self.durable

    def content(self, kept: Sequence[bool]) -> bytes:
        """Return the bytes when of the pending pieces those marked have reached the disk."""
        content = bytearray()
        chosen = itertools.chain(itertools.repeat(True, self.durable), kept)
        for (offset, data), there in zip(self.pieces, chosen, strict=True):
            if not there:
                continue
            if data is None:
                del content[offset:]
                content.extend(bytes(offset - len(content)))
            else:
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data
        return bytes(content)


@dataclass(eq=False)
class Directory:
    """Changes of names, each of which may concern several names at once."""

    changes: list[dict[str, Directory | File | None]] = field(default_factory=list)
    durable: int = 0
    now: dict[str, Directory | File] = field(default_factory=dict)

    def change(self, names: dict[str, Directory | File | None]) -> None:
        self.changes.append(names)
        self._apply(self.now, names)

    @property
    def pending(self) -> int:
        return len(self.changes) - self.durable

    def names(self, kept: int) -> dict[str, Directory | File]:
        """Return what is in it when so many of the pending changes have reached the disk."""
        names: dict[str, Directory | File] = {}
        for change in self.changes[: self.durable + kept]:
            self._apply(names, change)
        return names

    @staticmethod
    def _apply(
        names: dict[str, Directory | File], change: dict[str, Directory | File | None]
    ) -> None:
        for name, node in change.items():
            names.pop(name, None)
            if node is not None:
                names[name] = node


Choice = dict[Directory | File, int]
"""Of each node that is not durable: how many changes are kept; for files, a bit for each piece."""


class Disk:
    """The tree below one directory, which is durable itself."""

    def __init__(self) -> None:
        self.root = Directory()
        self._nodes: list[Directory | File] = [self.root]

    def add(self, node: Directory | File) -> Directory | File:
        self._nodes.append(node)
        return node

    def find(self, path: str) -> Directory | File | None:
        """Return what is at a path, below the root."""
        node: Directory | File | None = self.root
        for name in filter(None, path.split("/")):
            node = node.now.get(name) if isinstance(node, Directory) else None
        return node

    def parent(self, path: str) -> tuple[Directory, str]:
        above, _, name = path.rstrip("/").rpartition("/")
        node = self.find(above)
        assert isinstance(node, Directory), path
        return node, name

    def synchronise(self, node: Directory | File | None = None) -> None:
        """Make a node durable; None: all of them."""
        for each in self._nodes if node is None else [node]:
            each.durable += each.pending

    def states(self, limit: int, chance: random.Random) -> Iterator[Choice]:
        """Yield what a power loss may leave now: all of it when there are few, else a sample.

        In the sample: nothing kept, all, names without data, data without names.
        """
        pending = [node for node in self._nodes if node.pending]
        sizes = [
            node.pending + 1 if isinstance(node, Directory) else 1 << node.pending
            for node in pending
        ]
        total = 1
        for size in sizes:
            total *= size
        if total <= limit:
            for numbers in itertools.product(*map(range, sizes)):
                yield dict(zip(pending, numbers, strict=True))
            return
        kinds = [isinstance(node, Directory) for node in pending]
        for names, data in itertools.product((False, True), repeat=2):
            most = [
                size - 1 if (names if kind else data) else 0
                for size, kind in zip(sizes, kinds, strict=True)
            ]
            yield dict(zip(pending, most, strict=True))
        for _ in range(limit - 4):
            yield {node: chance.randrange(size) for node, size in zip(pending, sizes, strict=True)}

    def tree(self, choice: Choice) -> Tree:
        """Return what is there after a power loss."""
        tree: Tree = {}
        self._walk(self.root, "", choice, tree)
        return tree

    def _walk(self, directory: Directory, path: str, choice: Choice, tree: Tree) -> None:
        for name, node in directory.names(choice.get(directory, 0)).items():
            if isinstance(node, Directory):
                tree[path + name] = None
                self._walk(node, f"{path}{name}/", choice, tree)
            else:
                bits = choice.get(node, 0)
                tree[path + name] = node.content([bool(bits >> n & 1) for n in range(node.pending)])
