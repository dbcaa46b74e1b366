"""The contract's values as etcd's messages."""

from __future__ import annotations

from collections.abc import Sequence

from ostler.spi import Compare, Delete, Operation, Put, Target

from . import wire_pb2 as wire
from .keys import Keys

__all__ = ["list_request", "put_request", "txn_request", "writes"]


def writes(operations: Sequence[Operation]) -> bool:
    """Return whether a branch may change anything."""
    return any(isinstance(each, Put | Delete) for each in operations)


def list_request(
    keys: Keys, prefix: str, start_after: str, limit: int, revision: int
) -> wire.RangeRequest:
    """Return the request for a page."""
    begin, end = keys.range(prefix, start_after)
    return wire.RangeRequest(key=begin, range_end=end, limit=limit, revision=revision)


def put_request(keys: Keys, put: Put) -> wire.PutRequest:
    """Return the request for one write."""
    return wire.PutRequest(key=keys.encode(put.key), value=put.value, lease=put.lease)


def txn_request(
    keys: Keys,
    compares: Sequence[Compare],
    then: Sequence[Operation],
    otherwise: Sequence[Operation],
) -> wire.TxnRequest:
    """Return the request for a transaction."""
    return wire.TxnRequest(
        compare=[_compare(keys, each) for each in compares],
        success=[_operation(keys, each) for each in then],
        failure=[_operation(keys, each) for each in otherwise],
    )


def _compare(keys: Keys, compare: Compare) -> wire.Compare:
    key, expected = keys.encode(compare.key), compare.expected
    match compare.target:
        case Target.VALUE:
            assert isinstance(expected, bytes)
            return wire.Compare(target=wire.Compare.VALUE, key=key, value=expected)
        case Target.CREATE_REVISION:
            return wire.Compare(target=wire.Compare.CREATE, key=key, create_revision=int(expected))
        case Target.MOD_REVISION:
            return wire.Compare(target=wire.Compare.MOD, key=key, mod_revision=int(expected))
        case Target.VERSION:
            return wire.Compare(target=wire.Compare.VERSION, key=key, version=int(expected))


def _operation(keys: Keys, operation: Operation) -> wire.RequestOp:
    if isinstance(operation, Put):
        return wire.RequestOp(request_put=put_request(keys, operation))
    if isinstance(operation, Delete):
        return wire.RequestOp(request_delete_range=_delete(keys, operation))
    return wire.RequestOp(request_range=wire.RangeRequest(key=keys.encode(operation.key)))


def _delete(keys: Keys, delete: Delete) -> wire.DeleteRangeRequest:
    if not delete.prefix:
        return wire.DeleteRangeRequest(key=keys.encode(delete.key))
    begin, end = keys.range(delete.key)
    return wire.DeleteRangeRequest(key=begin, range_end=end)
