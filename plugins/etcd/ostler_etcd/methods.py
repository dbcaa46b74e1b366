"""The remote calls that are used, by the paths of etcd's public API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from . import wire_pb2 as wire

__all__ = [
    "AUTHENTICATE",
    "COMPACT",
    "GRANT",
    "KEEP_ALIVE",
    "PUT",
    "RANGE",
    "REVOKE",
    "TXN",
    "WATCH",
    "Method",
]

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[Q, A]):
    """A remote call: its path, how to write the request and how to read the answer."""

    path: str
    encode: Callable[[Q], bytes]
    decode: Callable[[bytes], A]


RANGE: Method[wire.RangeRequest, wire.RangeResponse] = Method(
    "/etcdserverpb.KV/Range",
    wire.RangeRequest.SerializeToString,
    wire.RangeResponse.FromString,
)
PUT: Method[wire.PutRequest, wire.PutResponse] = Method(
    "/etcdserverpb.KV/Put",
    wire.PutRequest.SerializeToString,
    wire.PutResponse.FromString,
)
TXN: Method[wire.TxnRequest, wire.TxnResponse] = Method(
    "/etcdserverpb.KV/Txn",
    wire.TxnRequest.SerializeToString,
    wire.TxnResponse.FromString,
)
COMPACT: Method[wire.CompactionRequest, wire.CompactionResponse] = Method(
    "/etcdserverpb.KV/Compact",
    wire.CompactionRequest.SerializeToString,
    wire.CompactionResponse.FromString,
)
GRANT: Method[wire.LeaseGrantRequest, wire.LeaseGrantResponse] = Method(
    "/etcdserverpb.Lease/LeaseGrant",
    wire.LeaseGrantRequest.SerializeToString,
    wire.LeaseGrantResponse.FromString,
)
REVOKE: Method[wire.LeaseRevokeRequest, wire.LeaseRevokeResponse] = Method(
    "/etcdserverpb.Lease/LeaseRevoke",
    wire.LeaseRevokeRequest.SerializeToString,
    wire.LeaseRevokeResponse.FromString,
)
# A stream in the API. One request, then its end, is one answer, then its end: an ordinary call.
KEEP_ALIVE: Method[wire.LeaseKeepAliveRequest, wire.LeaseKeepAliveResponse] = Method(
    "/etcdserverpb.Lease/LeaseKeepAlive",
    wire.LeaseKeepAliveRequest.SerializeToString,
    wire.LeaseKeepAliveResponse.FromString,
)
# A stream both ways in the API. The end of the requests does not end the answers.
WATCH: Method[wire.WatchRequest, wire.WatchResponse] = Method(
    "/etcdserverpb.Watch/Watch",
    wire.WatchRequest.SerializeToString,
    wire.WatchResponse.FromString,
)
AUTHENTICATE: Method[wire.AuthenticateRequest, wire.AuthenticateResponse] = Method(
    "/etcdserverpb.Auth/Authenticate",
    wire.AuthenticateRequest.SerializeToString,
    wire.AuthenticateResponse.FromString,
)
