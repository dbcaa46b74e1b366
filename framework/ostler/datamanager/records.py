"""What is written: transactions in the log, and the values that callers see of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgpack

from .compression import pack, unpack
from .sealing import Kind, damaged, digest_of, seal, unseal

__all__ = [
    "Action",
    "Batch",
    "Commit",
    "Delete",
    "Put",
    "Token",
    "Transaction",
    "decode_batch",
    "encode_batch",
]


@dataclass(frozen=True, slots=True)
class Put:
    """Write an entry, whatever it was."""

    type: str
    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entry; one that is absent is no error."""

    type: str
    id: str


Action = Put | Delete


@dataclass(frozen=True, slots=True)
class Token:
    """What was read of some change groups: nobody may have moved one of them since.

    :param number: of the commit that the state was read at.
    """

    number: int
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """Actions that happen together, in order, and the change groups that they move."""

    actions: tuple[Action, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction as it was committed.

    :param number: of the write-ahead log object; transactions of one batch share it.
    """

    number: int
    actions: tuple[Action, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One object of the log.

    :param previous: digest of the object before it: the chain that shows what is missing.
    :param writer: id of the process that wrote it.
    """

    number: int
    previous: bytes
    writer: str
    transactions: tuple[Transaction, ...]
    digest: bytes = b""
    size: int = 0

    def commits(self) -> Iterator[Commit]:
        """Yield its transactions as they were committed."""
        for each in self.transactions:
            yield Commit(self.number, each.actions, each.groups)


def encode_batch(batch: Batch) -> bytes:
    """Return the sealed object of a batch."""
    rows = [
        (each.groups, [(a.type, a.id, a.data if type(a) is Put else None) for a in each.actions])
        for each in batch.transactions
    ]
    size, body = pack(msgpack.packb(rows))
    head = (batch.number, batch.previous, batch.writer, size, body)
    return seal(Kind.WAL, msgpack.packb(head))


def decode_batch(data: bytes, name: str) -> Batch:
    """Rebuild what `encode_batch` gave.

    :raises Internal: it is damaged; names the object.
    """
    payload = unseal(Kind.WAL, data, name)
    try:
        number, previous, writer, size, body = msgpack.unpackb(payload)
        rows = msgpack.unpackb(unpack(size, body))
        transactions = tuple(_transaction(groups, actions) for groups, actions in rows)
    except (ValueError, TypeError) as error:
        raise damaged(name, f"its content cannot be read ({error})") from error
    return Batch(number, previous, writer, transactions, digest_of(data), len(data))


def _transaction(
    groups: Sequence[str], actions: Sequence[tuple[str, str, bytes | None]]
) -> Transaction:
    return Transaction(tuple(_action(*row) for row in actions), tuple(groups))


def _action(type: str, id: str, data: bytes | None) -> Action:
    return Delete(type, id) if data is None else Put(type, id, data)
