"""etcd's messages as the contract's values."""

from __future__ import annotations

from ostler.spi import Event, KeyValue, Page, TxnResult

from . import wire_pb2 as wire
from .keys import Keys

__all__ = ["events", "only", "page", "txn_result"]


def only(keys: Keys, answer: wire.RangeResponse) -> KeyValue | None:
    """Return the key that was asked for; None: absent."""
    return _key_value(keys, answer.kvs[0]) if answer.kvs else None


def page(keys: Keys, answer: wire.RangeResponse, revision: int) -> Page:
    """Return a page.

    :param revision: that was asked for; 0: the present one.
    """
    items = tuple(_key_value(keys, each) for each in answer.kvs)
    return Page(revision or answer.header.revision, items, answer.more)


def txn_result(keys: Keys, answer: wire.TxnResponse) -> TxnResult:
    """Return what a transaction did."""
    reads = tuple(
        only(keys, each.response_range)
        for each in answer.responses
        if each.HasField("response_range")
    )
    return TxnResult(answer.succeeded, answer.header.revision, reads)


def events(keys: Keys, answer: wire.WatchResponse) -> tuple[Event, ...]:
    """Return the changes that a watch was told."""
    return tuple(_event(keys, each) for each in answer.events)


def _event(keys: Keys, event: wire.Event) -> Event:
    item = event.kv
    if event.type == wire.Event.DELETE:
        return Event(item.mod_revision, keys.decode(item.key), None)
    return Event(item.mod_revision, keys.decode(item.key), _key_value(keys, item))


def _key_value(keys: Keys, item: wire.KeyValue) -> KeyValue:
    return KeyValue(
        keys.decode(item.key),
        item.value,
        item.create_revision,
        item.mod_revision,
        item.version,
        item.lease,
    )
