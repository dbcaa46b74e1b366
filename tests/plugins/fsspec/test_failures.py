from __future__ import annotations

import errno
from typing import Any

import pytest

from ostler.errors import (
    BadRequest,
    Error,
    Forbidden,
    Internal,
    NotFound,
    Unauthorized,
    Unavailable,
)
from ostler_fsspec.failures import translated, typed


class AuthenticationException(Exception):
    """As paramiko's."""


class SSHException(Exception):
    """As paramiko's."""


class HttpError(Exception):
    """As gcsfs's."""

    def __init__(self, code: int) -> None:
        super().__init__("said no")
        self.code = code


class BotoError(Exception):
    """As botocore's."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.response: dict[str, Any] = {
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError("x"), NotFound),
        (PermissionError("x"), Forbidden),
        (OSError(errno.EROFS, "x"), Forbidden),
        (OSError(errno.EPERM, "x"), Forbidden),
        (NotImplementedError(), BadRequest),
        (OSError(errno.EINVAL, "x"), BadRequest),
        (OSError(errno.ENOSYS, "x"), BadRequest),
        (OSError(errno.ENOTDIR, "x"), BadRequest),
        (OSError(errno.ECONNREFUSED, "x"), Unavailable),
        (OSError(errno.ENOSPC, "x"), Unavailable),
        (OSError("Failure"), Unavailable),
        (TimeoutError(), Unavailable),
        (EOFError(), Unavailable),
        (SSHException("x"), Unavailable),
        (AuthenticationException("x"), Unauthorized),
        (HttpError(401), Unauthorized),
        (HttpError(403), Forbidden),
        (HttpError(404), NotFound),
        (HttpError(400), BadRequest),
        (HttpError(429), Unavailable),
        (HttpError(503), Unavailable),
        (BotoError("SlowDown", 503), Unavailable),
        (BotoError("NoSuchBucket", 404), BadRequest),
        (BotoError("SignatureDoesNotMatch", 403), Unauthorized),
        (ValueError("x"), Internal),
    ],
)
def test_every_error_has_a_type(error: Exception, expected: type[Error]) -> None:
    found = typed(error, "read 'a'")
    assert type(found) is expected
    assert found.message.startswith("cannot read 'a': ")


def test_what_a_server_said_counts_behind_pythons_own_error() -> None:
    error = PermissionError("no")
    error.__cause__ = BotoError("InvalidAccessKeyId", 403)
    assert type(typed(error, "read")) is Unauthorized


def test_one_of_ours_stays_as_it_is() -> None:
    ours = NotFound("there is none")
    with pytest.raises(NotFound) as caught, translated("read"):
        raise ours
    assert caught.value is ours


def test_what_is_absent_is_told_by_the_caller() -> None:
    with pytest.raises(NotFound, match=r"^mine$"), translated("x", absent=lambda: NotFound("mine")):
        raise FileNotFoundError("path")


def test_a_missing_bucket_is_not_what_is_absent() -> None:
    error = FileNotFoundError("path")
    error.__cause__ = BotoError("NoSuchBucket", 404)
    with pytest.raises(BadRequest), translated("x", absent=lambda: NotFound("mine")):
        raise error
