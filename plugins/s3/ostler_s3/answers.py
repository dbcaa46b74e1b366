"""What a server said, from the errors of the two libraries that asked it.

obstore tells the answer as a part of its message only: status, code and message
of S3's XML are taken from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostler.errors import chain

__all__ = ["Answer", "answer_of"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")

_PASSING = {408, 429, 500, 502, 503, 504}


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
    return Answer(int(_found(_STATUS, text) or 0), _found(_CODE, text), _found(_MESSAGE, text))


def _of_response(response: Mapping[str, Any]) -> Answer:
    said = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(said.get("Code", ""))
    # To a HEAD botocore makes a code of the status: S3 said none.
    return Answer(int(status), "" if code.isdigit() else code, str(said.get("Message", "")))


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
