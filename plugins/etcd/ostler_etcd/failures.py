"""What etcd and gRPC report, in our error tree.

gRPC's codes alone do not tell: etcd answers InvalidArgument for a wrong password as for a large
request. Its messages are a part of its public API (`rpctypes`), and its own client goes by them.
"""

from __future__ import annotations

import grpc

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

__all__ = ["is_timeout", "may_try_again", "token_refused", "translate"]

_SMALLER = "its --max-request-bytes says how much; write less at once"
_GRANT = "grant the user's role `readwrite` on the prefix of the settings"
_RESTORE = "a member's data is damaged; restore it from the others, or a snapshot"
_AGAIN = "it will refuse this again"

_KNOWN: tuple[tuple[str, type[Error], str], ...] = (
    ("has been compacted", Compacted, "list again, and watch from there"),
    ("is a future revision", BadRequest, "list without a revision to learn the present one"),
    ("lease not found", NotFound, "it has run out or was revoked; grant a new one"),
    ("request is too large", BadRequest, _SMALLER),
    ("message larger than max", BadRequest, _SMALLER),
    ("too many operations", BadRequest, "set max_operations to the server's --max-txn-ops"),
    ("space exceeded", Unavailable, "compact and defragment it, then run `etcdctl alarm disarm`"),
    ("too many requests", Unavailable, "it is overloaded; try again later"),
    ("authentication failed", Unauthorized, "check user and password"),
    ("user name is empty", Unauthorized, "its authentication is on; set user and password"),
    ("invalid auth token", Unauthorized, "check user and password"),
    ("permission denied", Forbidden, _GRANT),
    ("corrupt", Internal, _RESTORE),
)

_BY_CODE: dict[grpc.StatusCode, tuple[type[Error], str]] = {
    grpc.StatusCode.UNAUTHENTICATED: (Unauthorized, "check user, password and certificate"),
    grpc.StatusCode.PERMISSION_DENIED: (Forbidden, "ask who administers it for the permission"),
    grpc.StatusCode.INVALID_ARGUMENT: (BadRequest, _AGAIN),
    grpc.StatusCode.FAILED_PRECONDITION: (BadRequest, _AGAIN),
    grpc.StatusCode.OUT_OF_RANGE: (BadRequest, _AGAIN),
    grpc.StatusCode.UNIMPLEMENTED: (BadRequest, "etcd 3.4 or later is needed"),
    grpc.StatusCode.DATA_LOSS: (Internal, _RESTORE),
}

_NEVER_SENT = ("failed to connect", "resolution failed", "backends failing")
"""gRPC's words for: no connection was made, so nothing was sent."""

_NOT_BEGUN = ("no leader", "not capable", "not supported for learner", "too many requests")
"""etcd's words for: refused before the request was looked at; another member, or later, may do it."""

_TOKEN_REFUSED = ("invalid auth token", "auth store is old", "user name is empty")


def is_timeout(error: grpc.RpcError) -> bool:
    """Return whether no answer came in time."""
    return error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def token_refused(error: grpc.RpcError) -> bool:
    """Return whether the request was refused for want of a valid token."""
    return _says(error, _TOKEN_REFUSED)


def may_try_again(error: grpc.RpcError, *, once: bool) -> bool:
    """Return whether to ask another member, or the same one a moment later.

    :param once: the request must not be done twice.
    """
    if _says(error, _NEVER_SENT + _NOT_BEGUN):
        return True
    return not once and error.code() is grpc.StatusCode.UNAVAILABLE


def translate(error: grpc.RpcError, address: str, *, once: bool = False) -> Error:
    """Return the typed error for what a call to the member at ``address`` ended with.

    :param once: the request changes something, and not the same when it is done twice.
    """
    details = str(error.details() or "no details")
    for text, kind, advice in _KNOWN:
        if text in details:
            return kind(f"etcd at {address}: {details}: {advice}")
    if error.code() in _BY_CODE:
        kind, advice = _BY_CODE[error.code()]
        return kind(f"etcd at {address}: {details}: {advice}")
    return _transport(error, address, details, once=once)


def _transport(error: grpc.RpcError, address: str, details: str, *, once: bool) -> Error:
    if _says(error, _NEVER_SENT):
        return Unavailable(
            f"etcd at {address} cannot be reached ({details}): check the endpoints, that it runs "
            "there, and the network in between"
        )
    what = "did not answer in time" if is_timeout(error) else f"failed ({details})"
    if once and not may_try_again(error, once=True):
        return Unknown(
            f"etcd at {address} {what}, and the transaction may or may not have been applied: "
            "read before doing it again"
        )
    return Unavailable(
        f"etcd at {address} {what}: check that the cluster is healthy; try again later"
    )


def _says(error: grpc.RpcError, texts: tuple[str, ...]) -> bool:
    details = str(error.details() or "")
    return any(text in details for text in texts)
