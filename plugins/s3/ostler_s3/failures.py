"""What went wrong, from what the server and the network said, in sentences that say what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    PreconditionError,
    UnauthenticatedError,
)

from ostler.errors import (
    BadRequest,
    Conflict,
    Error,
    Forbidden,
    Internal,
    NotFound,
    Unauthorized,
    Unavailable,
    Unknown,
)

from .answers import Answer, answer_of

__all__ = ["MEANINGS", "Failures"]

_REGION = re.compile(r"<Region>([^<]*)</Region>|expecting '([a-z0-9-]+)'")
_KIND = re.compile(r"HttpError \{\s*kind: (\w+)")
_UNTRUSTED = re.compile(r"InvalidCertificate\(\s*(\w+)|certificate verify failed: ([^(\n]+\w)")
_CAUSE = re.compile(r'(?:message|error): "([^"]+)"')

_REFUSED_UNDONE = {429, 503}  # the server says that it did not begin

_CHECK_KEYS = (
    "check access_key_id and secret_access_key, or the variables or profile they come from"
)
_CHECK_RIGHTS = "ask the owner of the bucket for the right to do this"


class Meaning(NamedTuple):
    """What a code of S3 means.

    :param code: of the error; None: S3's own.
    :param sentence: after "in this bucket:"; may name the ``key`` and the ``region`` hint.
    """

    kind: type[Error]
    code: str | None
    sentence: str


_EXPIRED = Meaning(
    Unauthorized, None, f"the temporary keys have expired: get new ones; {_CHECK_KEYS}"
)
_ELSEWHERE = Meaning(BadRequest, "region", "the bucket is in another region: {region}")
_DAMAGED = Meaning(
    Unavailable,
    "checksum",
    "received other bytes for {key!r} than were sent: damaged on the way; try again",
)

MEANINGS: Mapping[str, Meaning] = {
    "InvalidAccessKeyId": Meaning(
        Unauthorized, None, f"the server does not know the access key; {_CHECK_KEYS}"
    ),
    "SignatureDoesNotMatch": Meaning(
        Unauthorized, None, f"the secret key does not fit the access key; {_CHECK_KEYS}"
    ),
    "InvalidSecurity": Meaning(Unauthorized, None, f"the keys are not valid; {_CHECK_KEYS}"),
    "InvalidToken": Meaning(Unauthorized, None, f"the session token is not valid; {_CHECK_KEYS}"),
    "MissingAuthenticationToken": Meaning(
        Unauthorized, None, f"the server wants signed requests: give keys; {_CHECK_KEYS}"
    ),
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestTimeTooSkewed": Meaning(
        Unauthorized,
        "clock_skew",
        "the clock of this machine is too far from the server's: set it",
    ),
    "NoSuchBucket": Meaning(
        BadRequest,
        "no_bucket",
        "there is no such bucket; make it, or set create_bucket = true",
    ),
    "NoSuchKey": Meaning(NotFound, "not_found", "there is no object {key!r}"),
    "NoSuchUpload": Meaning(
        Unavailable,
        "no_upload",
        "the upload of {key!r} failed, or somebody removed it before it was complete; try again",
    ),
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "KeyTooLongError": Meaning(
        BadRequest, "bad_key", "the key {key!r} is too long together with the prefix"
    ),
    "EntityTooLarge": Meaning(BadRequest, "too_large", "{key!r} is larger than the server takes"),
    "NotImplemented": Meaning(BadRequest, "unsupported", "the server cannot do this, for {key!r}"),
    "BadDigest": _DAMAGED,
    "XAmzContentSHA256Mismatch": _DAMAGED,
    "XAmzContentChecksumMismatch": _DAMAGED,
}
"""What S3's codes mean that deserve a sentence of their own."""


class Failures:
    """Types the errors of one bucket's requests.

    :param place: the bucket and its server, for messages.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def typed(self, error: Exception, key: str, *, writing: bool = False) -> Error:
        """Return the error of `ostler.errors` that stands for ``error``.

        :param writing: the request may have changed something, so that its loss is `Unknown`.
        """
        if isinstance(error, Error):
            return error
        answer = answer_of(error)
        typed = (
            self._of_code(answer.code, key, str(error))
            or self._of_type(error, answer, key)
            or self._of_status(answer, key, writing)
            or self._of_network(error, key, writing)
        )
        typed.__cause__ = error
        return typed

    def missing(self, key: str) -> Error:
        """Return the error for an object that does not exist."""
        return self._meant("NoSuchKey", key)

    def too_long(self, key: str) -> Error:
        """Return the error for a key that is too long together with the prefix."""
        return self._meant("KeyTooLongError", key)

    def exists(self, key: str) -> Conflict:
        """Return the error for an object that exists where it must not."""
        return Conflict(f"the object {key!r} exists already in {self._place}", code="exists")

    def unsettled(self, key: str) -> Unavailable:
        """Return the error for an exclusive put that another one was in the way of, which then failed."""
        return Unavailable(
            f"another exclusive put of {key!r} in {self._place} was in the way; it is gone: try again",
            code="conflicting",
        )

    def undecided(self, key: str, error: Exception) -> Unknown:
        """Return the error for an object that is there, of which nobody can say whose it is."""
        return Unknown(
            f"an exclusive put of {key!r} in {self._place} may have stored it, or another one did: looking "
            f"failed ({self.typed(error, key).message}); look again before you repeat it"
        )

    def closed(self) -> Unavailable:
        """Return the error for what is still at work when the storage was closed."""
        return Unavailable(f"{self._place}: the storage is closed", code="closed")

    def changed(self, key: str) -> Unavailable:
        """Return the error for an object that was replaced under its reader."""
        return Unavailable(
            f"{key!r} in {self._place} was replaced while it was read: get it again", code="changed"
        )

    def damaged(self, key: str) -> Unavailable:
        """Return the error for bytes that are not those that were stored."""
        return Unavailable(
            f"what {self._place} sent of {key!r} does not have the checksum that it was stored with: "
            "damaged on the way or there; get it again",
            code="checksum",
        )

    def _of_code(self, code: str, key: str, text: str) -> Error | None:
        return self._meant(code, key, text) if code in MEANINGS else None

    def _meant(self, code: str, key: str, text: str = "") -> Error:
        kind, own, sentence = MEANINGS[code]
        told = sentence.format(key=key, region=_region(text))
        return kind(f"{self._place}: {told}", code=own or code)

    def _of_type(self, error: Exception, answer: Answer, key: str) -> Error | None:
        if isinstance(error, FileNotFoundError):
            return self.missing(key)
        if isinstance(error, AlreadyExistsError):
            return self.exists(key)
        if isinstance(error, PreconditionError):
            return self.changed(key)
        if isinstance(error, (InvalidPathError, ValueError)):
            return BadRequest(f"{key!r} cannot be a key here: {_first_line(error)}", code="bad_key")
        if isinstance(error, UnauthenticatedError) and not answer.status:
            return _no_keys(self._place, error)
        return None

    def _of_status(self, answer: Answer, key: str, writing: bool) -> Error | None:
        if not answer.status:
            return None
        said = f"{self._place} answered {answer.status} {answer.code} {answer.message}".rstrip()
        said += f" about {key!r}" if key else ""
        if answer.passing:
            if writing and answer.status not in _REFUSED_UNDONE:
                return Unknown(f"{said}; it may have been done")
            return Unavailable(f"{said}; try later")
        if answer.status == 401:
            return Unauthorized(f"{said}; {_CHECK_KEYS}")
        if answer.status == 403:
            return Forbidden(f"{said}; {_CHECK_RIGHTS}")
        if answer.status == 409:
            return Unavailable(f"{said}; another request was in its way", code="conflicting")
        return BadRequest(said, code=answer.code or None)

    def _of_network(self, error: Exception, key: str, writing: bool) -> Error:
        if not isinstance(error, (BaseError, OSError)):
            return Internal(f"{self._place}: {type(error).__name__}: {_first_line(error)}")
        text = str(error)
        if untrusted := _UNTRUSTED.search(text):
            return BadRequest(
                f"{self._place}: its certificate is not trusted ({untrusted[1] or untrusted[2]}); set ca "
                "to a file with the certificate of its authority",
                code="certificate",
            )
        found = _KIND.search(text)
        kind = found[1] if found else ""
        if kind == "Connect":
            return Unavailable(
                f"{self._place} cannot be reached{_cause(text)}: "
                "check endpoint_url, the network and the proxy",
                code="unreachable",
            )
        what = "did not answer in time" if kind == "Timeout" else "broke off the connection"
        detail = f"{self._place} {what} about {key!r}{_cause(text)}"
        if writing:
            return Unknown(f"{detail}; it may have been done")
        return Unavailable(f"{detail}; try later, or raise read_timeout if it is slow")


def _no_keys(place: str, error: Exception) -> Unauthorized:
    reason = _first_line(error).partition("provider: ")[2] or _first_line(error)
    return Unauthorized(
        f"{place}: there are no keys to sign with ({reason}); set access_key_id and secret_access_key, "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or set anonymous = true",
        code="no_credentials",
    )


def _region(text: str) -> str:
    """Return what to do about the region, of which the server's answer may tell the right one."""
    found = _REGION.search(text)
    if found is None:
        return "set region, or endpoint_url, to where it is"
    return f"set region = {found[1] or found[2]!r}"


def _cause(text: str) -> str:
    """Return the innermost reason that the debugging text tells, in brackets; empty when none."""
    found = _CAUSE.findall(text.partition("Debug source")[2])
    return f" ({found[-1]})" if found else ""


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
