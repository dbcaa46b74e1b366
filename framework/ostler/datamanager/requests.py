"""Transactions on their way, checked before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ostler.errors import BadRequest

from .checking import check_groups, check_id
from .records import Action, Put, Token, Transaction
from .threads import Gate

__all__ = ["Request", "request_of"]


class Request:
    """A transaction on its way, and what became of it.

    :param size: bytes of its values, about.
    """

    __slots__ = ("error", "gate", "leads", "number", "size", "token", "transaction")

    def __init__(self, transaction: Transaction, token: Token | None, size: int) -> None:
        self.transaction, self.token, self.size = transaction, token, size
        self.gate: Gate | None = None
        self.leads = False
        self.number = 0
        self.error: BaseException | None = None


def request_of(
    actions: Sequence[Action], token: Token | None, groups: Iterable[str], most: int
) -> Request:
    """Return the request for a transaction.

    :param most: bytes of its ids and values.
    :raises BadRequest: a wrong id or group, nothing to do, or too many bytes.
    """
    size = 0
    for action in actions:
        check_id(action.id)
        size += len(action.id) + (len(action.data) if isinstance(action, Put) else 0)
    if size > most:
        raise BadRequest(
            f"a transaction has {size} bytes and {most} are allowed: commit it in parts, or put "
            "large values into objects of their own"
        )
    moved = check_groups((*(token.groups if token else ()), *groups))
    if not actions and not moved:
        raise BadRequest("a transaction needs an action or a change group")
    return Request(Transaction(tuple(actions), moved), token, size)
