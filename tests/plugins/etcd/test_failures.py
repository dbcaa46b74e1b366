"""What messages of servers mean, also of those that no test here can bring about."""

from __future__ import annotations

import grpc
import pytest

from ostler.errors import (
    BadRequest,
    Compacted,
    Error,
    Forbidden,
    Internal,
    NotFound,
    Unauthorized,
    Unavailable,
    Unknown,
)
from ostler_etcd.failures import may_try_again, translate

Code = grpc.StatusCode


class Reported(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


@pytest.mark.parametrize(
    ("code", "details", "expected"),
    [
        (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Compacted),
        (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision", BadRequest),
        (Code.NOT_FOUND, "etcdserver: requested lease not found", NotFound),
        (Code.INVALID_ARGUMENT, "etcdserver: request is too large", BadRequest),
        (Code.RESOURCE_EXHAUSTED, "grpc: received message larger than max (3 vs. 2)", BadRequest),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", Unavailable),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests", Unavailable),
        (Code.UNAUTHENTICATED, "etcdserver: invalid auth token", Unauthorized),
        (Code.INVALID_ARGUMENT, "etcdserver: user name is empty", Unauthorized),
        (Code.PERMISSION_DENIED, "etcdserver: permission denied", Forbidden),
        (Code.UNIMPLEMENTED, "unknown service etcdserverpb.KV", BadRequest),
        (Code.DATA_LOSS, "etcdserver: corrupt cluster", Internal),
        (Code.UNAVAILABLE, "etcdserver: no leader", Unavailable),
        (Code.UNAVAILABLE, "failed to connect to all addresses; last error: …", Unavailable),
        (Code.UNAVAILABLE, "DNS resolution failed for h:1", Unavailable),
        (Code.UNAVAILABLE, "Socket closed", Unknown),
        (Code.UNAVAILABLE, "etcdserver: request timed out", Unknown),
        (Code.UNAVAILABLE, "etcdserver: leader changed", Unknown),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", Unknown),
        (Code.UNKNOWN, "raft: stopped", Unknown),
        (Code.INTERNAL, "Received RST_STREAM with error code 2", Unknown),
        (Code.CANCELLED, "Channel closed!", Unknown),
    ],
)
def test_meaning(code: grpc.StatusCode, details: str, expected: type[Error]) -> None:
    error = Reported(code, details)
    found = translate(error, "h:1", once=True)
    assert type(found) is expected
    assert "h:1" in found.message
    assert type(translate(error, "h:1")) is (Unavailable if expected is Unknown else expected)
    assert not (expected is Unknown and may_try_again(error, once=True))
