"""What the operating system's errors mean here."""

from __future__ import annotations

import errno

from ostler.errors import BadRequest, Error, Forbidden, Internal, Unavailable

__all__ = ["typed"]

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PASSING = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.EINTR,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ESTALE,
    errno.ETIMEDOUT,
}


def typed(error: OSError, doing: str) -> Error:
    """Return the error to raise from ``error``, which came while ``doing``."""
    text = f"cannot {doing}: {error.strerror or error}"
    if error.errno == errno.ENAMETOOLONG:
        return BadRequest(
            f"{text}; the storage type posix keeps the parts of keys as file names, "
            "of at most 255 bytes: use shorter ones",
            code="name_too_long",
        )
    if error.errno in _FORBIDDEN:
        return Forbidden(f"{text}; check the owner and the mode of the directory")
    if error.errno in _FULL:
        return Unavailable(f"{text}; make room and try again", code="no_space")
    if error.errno in _PASSING:
        return Unavailable(text)
    return Internal(text)
