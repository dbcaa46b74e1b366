"""Writing data files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from ostler.ost import ObjectStorage

from .blocks import Batch, Block, Entry, cut, encode
from .compression import Compressor
from .filters import BYTES_PER_ENTRY
from .footer import RECORD_SIZE, TAIL_SIZE, Contents
from .info import FileInfo, weight_of
from .merging import batched

__all__ = ["BLOCK_SIZE", "write_batches", "write_files"]

BLOCK_SIZE = 16 << 10
_KEY = 64
_FIXED = 256


def write_files(
    storage: ObjectStorage,
    type: str,
    entries: Iterable[Entry],
    *,
    limit: int,
    new_id: Callable[[], str],
    block_size: int = BLOCK_SIZE,
) -> Iterator[FileInfo]:
    """Store entries as data files ``data/<type>/<id>``, and yield each as soon as it is stored.

    The files are not durable yet: the caller calls ``storage.persist`` once
    for all of them. No entries, no file.

    :param entries: in strictly ascending order of the ids' UTF-8 bytes. That is
        the order in which Python compares str, which goes by code points.
    :param limit: of a file's weight (see `info.weight_of`), in bytes. Only a file of a
        single block, larger than that, exceeds it.
    :param block_size: of raw bytes; only a block of a single larger entry has more.
    :param new_id: a new part of a key at each call.
    :raises Error: what `ObjectStorage.put` raises.
    """
    return write_batches(
        storage, type, batched(entries), limit=limit, new_id=new_id, block_size=block_size
    )


def write_batches(
    storage: ObjectStorage,
    type: str,
    batches: Iterable[Batch],
    *,
    limit: int,
    new_id: Callable[[], str],
    block_size: int = BLOCK_SIZE,
) -> Iterator[FileInfo]:
    """Do what `write_files` does, with batches."""
    compressor = Compressor()
    draft = _Draft(type)
    for block in cut(batches, block_size):
        stored, length = encode(block, compressor)
        if draft.count and draft.weight_with(block, stored) > limit:
            yield draft.put(storage, new_id())
            draft = _Draft(type)
        draft.add(block, stored, length)
    if draft.count:
        yield draft.put(storage, new_id())


class _Draft:
    """A data file in the making, in memory."""

    def __init__(self, type: str) -> None:
        self._type = type
        self._contents = Contents()
        self._pieces: list[bytes] = []
        self._raw = 0
        self._index_size = _FIXED + TAIL_SIZE + len(type.encode()) + _KEY

    @property
    def count(self) -> int:
        """Entries."""
        return self._contents.count

    def weight_with(self, block: Block, stored: bytes) -> int:
        """Return the weight, if this block was added and the file ended with it; or a little more."""
        count = self.count + len(block.ids)
        index = self._index_size + _index_share(block) + len(block.ids[-1].encode())
        size = self._contents.end + len(stored) + BYTES_PER_ENTRY * count + index
        return weight_of(size, self._raw + block.raw, count)

    def add(self, block: Block, stored: bytes, length: int) -> None:
        self._contents.add(block, stored, length)
        self._pieces.append(stored)
        self._raw += block.raw
        self._index_size += _index_share(block)

    def put(self, storage: ObjectStorage, id: str) -> FileInfo:
        """Store the file. The draft is empty then."""
        key = f"data/{self._type}/{id}"
        self._pieces.append(self._contents.footer(key))
        data = b"".join(self._pieces)
        self._pieces.clear()
        storage.put(key, data, persist=False)
        return FileInfo(
            key=key,
            first=self._contents.firsts[0],
            last=self._contents.last,
            count=self.count,
            size=len(data),
            digest=hashlib.blake2b(data, digest_size=16).digest(),
            raw=self._raw,
        )


def _index_share(block: Block) -> int:
    """Return at most how many bytes a block takes in the index."""
    return RECORD_SIZE + 5 + len(block.ids[0].encode())
