"""What is refused before any driver sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ostler.errors import BadRequest
from ostler.spi import Compare, Delete, Get, KvCapabilities, Operation, Put, Target

__all__ = ["MAX_KEY_BYTES", "check_key", "check_prefix", "check_txn"]

MAX_KEY_BYTES = 512
_SHOWN = 80


def check_key(key: str) -> None:
    """Refuse what is no key.

    :raises BadRequest: not 1 to 512 bytes of UTF-8 without NUL.
    """
    # The usual case first: a transaction may have thousands of keys.
    if type(key) is str and key.isascii() and 0 < len(key) <= MAX_KEY_BYTES and "\0" not in key:
        return
    check_prefix(key, what="key")
    if not key:
        raise BadRequest("a key is empty: it must have 1 to 512 bytes of UTF-8")


def check_prefix(prefix: str, *, what: str = "prefix") -> None:
    """Refuse what cannot begin a key; empty is all keys.

    :param what: its name in the message.
    :raises BadRequest: no string, not UTF-8, with a NUL, or longer than 512 bytes.
    """
    if not isinstance(prefix, str):
        raise BadRequest(f"a {what} must be a str, not {type(prefix).__name__}")
    try:
        size = len(prefix.encode())
    except UnicodeEncodeError as error:
        raise BadRequest(f"{what} {_show(prefix)} is not UTF-8: {error.reason}") from error
    if size > MAX_KEY_BYTES:
        raise BadRequest(f"{what} {_show(prefix)} has {size} bytes: at most {MAX_KEY_BYTES}")
    if "\0" in prefix:
        raise BadRequest(f"{what} {_show(prefix)} contains a NUL character")


def check_txn(
    compares: Sequence[Compare],
    then: Sequence[Operation],
    otherwise: Sequence[Operation],
    capabilities: KvCapabilities,
) -> None:
    """Refuse a transaction that no driver, or this one, can run.

    :raises BadRequest: a wrong key or value, a key written twice in one branch, or a limit exceeded.
    """
    total, most = len(compares) + len(then) + len(otherwise), capabilities.max_operations
    if most is not None and total > most:
        raise BadRequest(
            f"a transaction has {total} comparisons and operations and this store takes {most}: "
            "make several of it"
        )
    for compare in compares:
        _check_compare(compare)
    _check_branch(then, capabilities.max_value_size)
    _check_branch(otherwise, capabilities.max_value_size)


def _check_compare(compare: Compare) -> None:
    check_key(compare.key)
    wanted = bytes if compare.target is Target.VALUE else int
    if not isinstance(compare.expected, wanted):
        raise BadRequest(
            f"comparing the {compare.target.value} of {_show(compare.key)} needs "
            f"{wanted.__name__}, not {type(compare.expected).__name__}"
        )


def _check_branch(branch: Sequence[Operation], most: int | None) -> None:
    written: set[str] = set()
    prefixes: list[str] = []
    for operation in branch:
        if isinstance(operation, Put):
            _check_put(operation, most)
            _add(written, operation.key)
        elif isinstance(operation, Get):
            check_key(operation.key)
        elif isinstance(operation, Delete):
            _check_delete(operation, written, prefixes)
        else:
            raise BadRequest(f"a transaction takes Put, Delete and Get, not {operation!r}")
    _check_overlap(written, prefixes)


def _check_put(put: Put, most: int | None) -> None:
    check_key(put.key)
    if not isinstance(put.value, bytes):
        raise BadRequest(
            f"the value of {_show(put.key)} must be bytes, not {type(put.value).__name__}"
        )
    if most is not None and len(put.value) > most:
        raise BadRequest(
            f"the value of {_show(put.key)} has {len(put.value)} bytes and this store takes "
            f"{most}: keep it in object storage, and its name here"
        )
    if put.lease < 0:
        raise BadRequest(f"lease {put.lease} of {_show(put.key)} is no lease: ids are positive")


def _check_delete(delete: Delete, written: set[str], prefixes: list[str]) -> None:
    if delete.prefix:
        check_prefix(delete.key)
        prefixes.append(delete.key)
    else:
        check_key(delete.key)
        _add(written, delete.key)


def _add(written: set[str], key: str) -> None:
    if key in written:
        raise BadRequest(f"a transaction writes {_show(key)} twice: leave one of them out")
    written.add(key)


def _check_overlap(written: Iterable[str], prefixes: list[str]) -> None:
    for number, prefix in enumerate(prefixes):
        for other in [*written, *prefixes[:number], *prefixes[number + 1 :]]:
            if other.startswith(prefix):
                raise BadRequest(
                    f"a transaction deletes all of {_show(prefix)} and writes {_show(other)}: "
                    "leave one of them out"
                )


def _show(key: str) -> str:
    return repr(key) if len(key) <= _SHOWN else f"{key[:_SHOWN]!r}…"
