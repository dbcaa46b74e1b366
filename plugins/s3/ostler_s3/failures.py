"""What went wrong, from what the server and the network said, in sentences that say what to do.

obstore tells the server's answer as a part of its message only: status, code and
message of S3's XML are taken from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from obstore.exceptions import AlreadyExistsError, BaseError, InvalidPathError, PreconditionError

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
    chain,
)

__all__ = ["Answer", "Failures", "answer_of"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_REGION = re.compile(r"<Region>([^<]*)</Region>|expecting '([a-z0-9-]+)'")
_KIND = re.compile(r"HttpError \{\s*kind: (\w+)")
_UNTRUSTED = re.compile(r"InvalidCertificate\(\s*(\w+)|certificate verify failed: ([^(\n]+\w)")
_CAUSE = re.compile(r'(?:message|error): "([^"]+)"')

_PASSING = {429, 500, 502, 503, 504, 408}
_REFUSED_UNDONE = {429, 503}  # the server says that it did not begin

_WHO = {
    "InvalidAccessKeyId": "the server does not know the access key",
    "SignatureDoesNotMatch": "the secret key does not fit the access key",
    "InvalidSecurity": "the keys are not valid",
    "ExpiredToken": "the temporary keys have expired: get new ones",
    "ExpiredTokenException": "the temporary keys have expired: get new ones",
    "TokenRefreshRequired": "the temporary keys have expired: get new ones",
    "InvalidToken": "the session token is not valid",
    "MissingAuthenticationToken": "the server wants signed requests: give keys",
}
_ADVICE = "check access_key_id and secret_access_key, or the variables or profile they come from"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; zero and empty where it said nothing.

    :param status: of HTTP.
    :param code: of S3's error document.
    """

    status: int
    code: str
    message: str

    @property
    def passing(self) -> bool:
        """Whether it may be otherwise a moment later."""
        if self.code == "NotImplemented":
            return False
        return self.status in _PASSING or self.code in ("RequestTimeout", "SlowDown")


def answer_of(error: BaseException) -> Answer:
    """Return the server's answer: as botocore has it, else what a message of obstore quotes."""
    for each in chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return _of_response(response)
    text = str(error)
    status = _STATUS.search(text)
    return Answer(int(status[1]) if status else 0, _found(_CODE, text), _found(_MESSAGE, text))


def _of_response(response: Mapping[str, Any]) -> Answer:
    said = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(said.get("Code", ""))
    return Answer(int(status), "" if code.isdigit() else code, str(said.get("Message", "")))


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
            self._of_code(answer, key, str(error))
            or self._of_type(error, answer, key)
            or self._of_status(answer, key, writing)
            or self._of_network(error, key, writing)
        )
        typed.__cause__ = error
        return typed

    def missing(self, key: str) -> NotFound:
        """Return the error for an object that does not exist."""
        return NotFound(f"there is no object {key!r} in {self._place}")

    def too_long(self, key: str) -> BadRequest:
        """Return the error for a key that is too long together with the prefix."""
        return BadRequest(
            f"{self._place}: the key {key!r} is too long together with the prefix", code="bad_key"
        )

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

    def _of_code(self, answer: Answer, key: str, text: str) -> Error | None:
        if answer.code in _WHO:
            return Unauthorized(f"{self._place}: {_WHO[answer.code]}; {_ADVICE}", code=answer.code)
        make = _BY_CODE.get(answer.code)
        if make is not None:
            return make(self._place, key, text)
        return None

    def _of_type(self, error: Exception, answer: Answer, key: str) -> Error | None:
        if isinstance(error, FileNotFoundError):
            return self.missing(key)
        if isinstance(error, AlreadyExistsError):
            return self.exists(key)
        if isinstance(error, PreconditionError):
            return self.changed(key)
        if isinstance(error, (InvalidPathError, ValueError)):
            return BadRequest(f"{key!r} cannot be a key here: {_first_line(error)}", code="bad_key")
        if answer.status in (0, 401) and type(error).__name__ == "UnauthenticatedError":
            return _no_keys(self._place, error, answer)
        return None

    def _of_status(self, answer: Answer, key: str, writing: bool) -> Error | None:
        if not answer.status:
            return None
        said = f"{self._place} answered {answer.status} {answer.code} {answer.message}".rstrip()
        said += f" about {key!r}" if key else ""
        if answer.passing:
            lost = writing and answer.status not in _REFUSED_UNDONE
            return (
                Unknown(f"{said}; it may have been done")
                if lost
                else Unavailable(f"{said}; try later")
            )
        if answer.status == 401:
            return Unauthorized(f"{said}; {_ADVICE}")
        if answer.status == 403:
            return Forbidden(f"{said}; {_RIGHTS}")
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
        kind = _found(_KIND, text)
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


_RIGHTS = "ask the owner of the bucket for the right to do this"


def _no_bucket(place: str, _key: str, _text: str) -> Error:
    return BadRequest(
        f"{place}: there is no such bucket; make it, or set create_bucket = true", code="no_bucket"
    )


def _skew(place: str, _key: str, _text: str) -> Error:
    return Unauthorized(
        f"{place}: the clock of this machine is too far from the server's: set it",
        code="clock_skew",
    )


def _region(place: str, _key: str, text: str) -> Error:
    found = _REGION.search(text)
    region = (found[1] or found[2]) if found else ""
    hint = f"set region = {region!r}" if region else "set region, or endpoint_url, to where it is"
    return BadRequest(f"{place}: the bucket is in another region: {hint}", code="region")


def _too_long(place: str, key: str, _text: str) -> Error:
    return Failures(place).too_long(key)


def _too_large(place: str, key: str, _text: str) -> Error:
    return BadRequest(f"{place}: {key!r} is larger than the server takes", code="too_large")


def _cannot(place: str, key: str, _text: str) -> Error:
    return BadRequest(f"{place}: the server cannot do this, for {key!r}", code="unsupported")


def _no_key(place: str, key: str, _text: str) -> Error:
    return NotFound(f"there is no object {key!r} in {place}")


def _no_upload(place: str, key: str, _text: str) -> Error:
    return Unavailable(
        f"{place}: the upload of {key!r} failed, or somebody removed it before it was complete; try again",
        code="no_upload",
    )


def _digest(place: str, key: str, _text: str) -> Error:
    return Unavailable(
        f"{place} received other bytes for {key!r} than were sent: damaged on the way; try again",
        code="checksum",
    )


_BY_CODE: dict[str, Callable[[str, str, str], Error]] = {
    "NoSuchBucket": _no_bucket,
    "NoSuchKey": _no_key,
    "NoSuchUpload": _no_upload,
    "RequestTimeTooSkewed": _skew,
    "AuthorizationHeaderMalformed": _region,
    "PermanentRedirect": _region,
    "IllegalLocationConstraintException": _region,
    "KeyTooLongError": _too_long,
    "EntityTooLarge": _too_large,
    "NotImplemented": _cannot,
    "BadDigest": _digest,
    "XAmzContentSHA256Mismatch": _digest,
    "XAmzContentChecksumMismatch": _digest,
}


def _no_keys(place: str, error: Exception, answer: Answer) -> Error:
    if answer.status:
        return Unauthorized(f"{place} answered 401 {answer.code} {answer.message}; {_ADVICE}")
    reason = _first_line(error).partition("provider: ")[2] or _first_line(error)
    return Unauthorized(
        f"{place}: there are no keys to sign with ({reason}); set access_key_id and secret_access_key, "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or set anonymous = true",
        code="no_credentials",
    )


def _cause(text: str) -> str:
    """Return the innermost reason that the debugging text tells, in brackets; empty when none."""
    found = _CAUSE.findall(text.partition("Debug source")[2])
    return f" ({found[-1]})" if found else ""


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
