"""Keys as etcd has them: bytes, behind the prefix of the settings."""

from __future__ import annotations

from ostler.errors import Internal

__all__ = ["Keys"]

_ALL = b"\0"
"""As the beginning of a range: the first key there can be. As its end: no end."""


class Keys:
    """Puts the prefix of the settings before keys, and takes it off.

    :param prefix: may be empty.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._skip = len(prefix.encode())

    def encode(self, key: str) -> bytes:
        """Return a key as etcd has it."""
        return (self._prefix + key).encode()

    def decode(self, key: bytes) -> str:
        """Return a key as the caller has it.

        :raises Internal: it is no UTF-8: another program wrote it.
        """
        try:
            return key[self._skip :].decode()
        except UnicodeDecodeError as error:
            raise Internal(
                f"etcd has the key {key!r}, which is not UTF-8 and so another program's: "
                "give Ostler a prefix of its own, as in etcd://host:2379/ostler"
            ) from error

    def range(self, prefix: str, start_after: str = "") -> tuple[bytes, bytes]:
        """Return the range of keys that begin with ``prefix`` and are greater than ``start_after``."""
        begin = self.encode(prefix)
        # UTF-8 has no byte 255, so the last byte can always be raised.
        end = begin[:-1] + bytes([begin[-1] + 1]) if begin else _ALL
        if start_after:
            begin = max(begin, self.encode(start_after) + b"\0")
        return begin or _ALL, end
