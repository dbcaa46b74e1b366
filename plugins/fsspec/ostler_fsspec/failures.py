"""What file systems raise, in our error tree.

fsspec asks its implementations for Python's own errors; what comes is those, the libraries'
own, and errors that say nothing but a sentence. So: by type, by error number, by the HTTP
status that some of them carry, and by the name of the class, since none of the libraries
need be installed.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ostler.errors import (
    BadRequest,
    Error,
    Forbidden,
    Internal,
    NotFound,
    Unauthorized,
    Unavailable,
    Unknown,
    chain,
)

__all__ = ["no_container", "said_by", "translated", "typed", "unsure"]

_RIGHTS = "check the rights of the user"
_BY_NAME: dict[str, type[Error]] = {
    "AuthenticationException": Unauthorized,
    "PasswordRequiredException": Unauthorized,
    "NoCredentialsError": Unauthorized,
    "PartialCredentialsError": Unauthorized,
    "TokenRetrievalError": Unauthorized,
    "DefaultCredentialsError": Unauthorized,
    "RefreshError": Unauthorized,
    "ClientAuthenticationError": Unauthorized,
    "BadHostKeyException": Forbidden,
    "ParamValidationError": BadRequest,
    "SSHException": Unavailable,
    "NoValidConnectionsError": Unavailable,
    "BotoCoreError": Unavailable,
    "HTTPClientError": Unavailable,
    "ClientError": Unavailable,
    "FSTimeoutError": Unavailable,
}
_LOGIN_CODES = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
}
_NEVER = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMSGSIZE, errno.ENAMETOOLONG}
_MISPLACED = {errno.ENOTDIR, errno.EISDIR}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STATUS: dict[int, type[Error]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Unavailable,
    410: NotFound,
    425: Unavailable,
    429: Unavailable,
}


@contextmanager
def translated(doing: str, *, absent: Callable[[], Error] | None = None) -> Iterator[None]:
    """Turn what is raised within into an error of ours; one of ours stays as it is.

    :param doing: what could not be done, for the message: ``read 'a/b'``.
    :param absent: makes the error for what is not there; the default is a `NotFound`.
    """
    try:
        yield
    except Exception as error:
        if absent is not None and isinstance(error, FileNotFoundError) and not no_container(error):
            raise absent() from error
        found = typed(error, doing)
        if found is error:
            raise
        raise found from error


def typed(error: Exception, doing: str) -> Error:
    """Return the error to raise from ``error``, which came while ``doing``."""
    if isinstance(error, Error):
        return error
    text = f"cannot {doing}: {_words(error)}"
    if no_container(error):
        return BadRequest(f"{text}; make the bucket first", code="no_container")
    if code := _login_code(error):
        return Unauthorized(f"{text} ({code}); check the credentials")
    return _by_type(error, text) or _by_status(error, text) or _by_errno(error, text)


def unsure(found: Error) -> Unknown:
    """Return ``found`` for an exclusive put that may have succeeded: nobody may repeat it."""
    return Unknown(f"{found.message}: it may have been stored all the same; look what is there")


def said_by(error: BaseException) -> Iterator[tuple[str, int]]:
    """Yield the (code, HTTP status) that a server gave, as far as ``error`` or its causes tell."""
    for item in chain(error):
        response = getattr(item, "response", None)
        told = response.get("Error", {}) if isinstance(response, dict) else {}
        code = str(told.get("Code", "") or getattr(item, "error_code", "") or "")
        meta = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        status = meta.get("HTTPStatusCode") or _status_of(item)
        if code or status:
            yield code, int(status or 0)


def _status_of(error: BaseException) -> int:
    """What aiohttp calls status, gcsfs code, Azure status_code."""
    for name in ("status", "status_code", "code"):
        value: Any = getattr(error, name, None)
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return 0


def no_container(error: BaseException) -> bool:
    """Whether what is not there is the bucket itself."""
    names = ("NoSuchBucket", "ContainerNotFound")
    return any(code in names for code, _status in said_by(error))


def _login_code(error: BaseException) -> str:
    return next((code for code, _status in said_by(error) if code in _LOGIN_CODES), "")


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text if text and text != "None" else type(error).__name__


def _by_type(error: Exception, text: str) -> Error | None:
    if isinstance(error, FileNotFoundError):
        return NotFound(text)
    if isinstance(error, PermissionError):
        return Forbidden(f"{text}; {_RIGHTS}")
    if isinstance(error, NotImplementedError):
        return BadRequest(f"{text}: this file system cannot do that", code="not_supported")
    if isinstance(error, (TimeoutError, ConnectionError, EOFError)):
        return Unavailable(text)
    for base in type(error).__mro__:
        if kind := _BY_NAME.get(base.__name__):
            return kind(text)
    return None


def _by_status(error: Exception, text: str) -> Error | None:
    status = next((status for _code, status in said_by(error) if status), 0)
    if not status:
        return None
    kind = _STATUS.get(status, Unavailable if status >= 500 else BadRequest)
    return kind(f"{text} (HTTP status {status})")


def _by_errno(error: Exception, text: str) -> Error:
    if not isinstance(error, OSError):
        return Internal(f"{text} ({type(error).__name__})")
    number = error.errno
    if number in _FORBIDDEN:
        return Forbidden(f"{text}; {_RIGHTS}")
    if number in _FULL:
        return Unavailable(f"{text}; make room and try again", code="no_space")
    if number in _MISPLACED:
        return BadRequest(f"{text}; check the storage's path")
    if number in _NEVER:
        return BadRequest(text)
    # SFTP and others have one word for every failure; most of them pass.
    return Unavailable(text)
