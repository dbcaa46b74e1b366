"""What is known of a data file without reading it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FileInfo", "weight_of"]

_RAW_SHARE = 8
_ENTRY_SHARE = 16


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A data file, as a manifest names it.

    :param key: of the object.
    :param first: the id of its first entry.
    :param last: the id of its last entry.
    :param count: entries, tombstones included.
    :param size: of the object, in bytes.
    :param digest: blake2b-128 of the whole object: 16 bytes.
    :param raw: bytes of ids and values before compression.
    """

    key: str
    first: str
    last: str
    count: int
    size: int
    digest: bytes
    raw: int

    @property
    def weight(self) -> int:
        """What is held against the limit of a file, see `weight_of`."""
        return weight_of(self.size, self.raw, self.count)


def weight_of(size: int, raw: int, count: int) -> int:
    """Return what is held against the limit of a file, in bytes.

    Its size; but at least an eighth of its raw bytes, and 16 for each entry,
    so that neither rewriting a file nor holding its filter ever takes much.
    """
    return max(size, raw // _RAW_SHARE, count * _ENTRY_SHARE)
