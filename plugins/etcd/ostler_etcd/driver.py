"""The driver: puts the parts together."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from ostler.errors import NotFound
from ostler.spi import (
    Compare,
    KeyValue,
    KvCapabilities,
    KvDriver,
    Lease,
    Operation,
    Page,
    Put,
    TxnResult,
    Watch,
)

from . import answers
from . import wire_pb2 as wire
from .cluster import Cluster
from .history import History
from .keys import Keys
from .methods import GRANT, KEEP_ALIVE, PUT, RANGE, REVOKE, TXN
from .requests import list_request, put_request, txn_request, writes
from .settings import EtcdSettings
from .watching import EtcdWatch

__all__ = ["EtcdDriver", "open_driver"]

_OVERHEAD = 4096
"""Bytes of a request beside the value: the key with its prefix, the user's name, framing."""


def open_driver(settings: EtcdSettings) -> EtcdDriver:
    """Return a driver. Nothing is connected until it is used.

    :raises BadRequest: a certificate or key cannot be read.
    """
    return EtcdDriver(settings)


class EtcdDriver(KvDriver):
    """A cluster as a key-value store. No thread of ours runs but one for each open watch."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._keys = Keys(settings.prefix)
        self._cluster = Cluster(settings)
        self._history = History(self._cluster, self._keys.range("")[0])
        self._capabilities = KvCapabilities(
            durable=True,
            shared=True,
            max_operations=settings.max_operations,
            max_value_size=settings.max_request_size - _OVERHEAD,
        )
        self._lock = threading.Lock()
        self._watches: tuple[EtcdWatch, ...] = ()

    @property
    def capabilities(self) -> KvCapabilities:
        return self._capabilities

    def get(self, key: str) -> KeyValue | None:
        request = wire.RangeRequest(key=self._keys.encode(key))
        return answers.only(self._keys, self._cluster.call(RANGE, request))

    def list(self, prefix: str, *, start_after: str, limit: int, revision: int) -> Page:
        self._history.refuse(revision)
        request = list_request(self._keys, prefix, start_after, limit, revision)
        return answers.page(self._keys, self._cluster.call(RANGE, request), revision)

    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        if not compares and len(then) == 1 and isinstance(then[0], Put):
            return self._put(then[0])
        once = writes(then) or writes(otherwise)
        request = txn_request(self._keys, compares, then, otherwise)
        return answers.txn_result(self._keys, self._cluster.call(TXN, request, once=once))

    def watch(self, prefix: str, revision: int) -> Watch:
        start = revision or self._cluster.header(self._keys.range(prefix)[0]).revision + 1
        watch = EtcdWatch(self._cluster, self._history, self._keys, prefix, start, self._forget)
        with self._lock:
            self._watches += (watch,)
        return watch

    def compact(self, revision: int) -> None:
        self._history.compact(revision)

    def grant(self, ttl: float) -> Lease:
        granted = self._cluster.call(GRANT, wire.LeaseGrantRequest(TTL=math.ceil(ttl)))
        return Lease(granted.ID, float(granted.TTL))

    def keep_alive(self, lease_id: int) -> None:
        kept = self._cluster.call(KEEP_ALIVE, wire.LeaseKeepAliveRequest(ID=lease_id))
        if kept.TTL <= 0:
            raise NotFound(f"lease {lease_id} has run out or was revoked: grant a new one")

    def revoke(self, lease_id: int) -> None:
        try:
            self._cluster.call(REVOKE, wire.LeaseRevokeRequest(ID=lease_id))
        except NotFound:
            return  # it is over already

    def close(self) -> None:
        if self._cluster.inherited:
            return  # threads and connections did not come along
        for watch in self._watches:
            watch.close()
        self._cluster.close()

    def _put(self, put: Put) -> TxnResult:
        answer = self._cluster.call(PUT, put_request(self._keys, put), once=True)
        return TxnResult(True, answer.header.revision, ())

    def _forget(self, watch: EtcdWatch) -> None:
        with self._lock:
            self._watches = tuple(each for each in self._watches if each is not watch)
