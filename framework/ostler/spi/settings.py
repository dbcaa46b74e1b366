"""The base of every settings model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import BaseModel, ConfigDict

__all__ = ["Settings", "sounds_secret"]

_SECRET = re.compile(
    r"secret|passw|passphrase|pwd|token|key|credential|auth|cert|signature|sas|connection_string",
    re.IGNORECASE,
)


class Settings(BaseModel):
    """Settings of a type: unknown keys are errors, values are frozen.

    Mark secrets with `pydantic.SecretStr`: they are never printed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_url(cls, url: SplitResult) -> Mapping[str, Any]:
        """Return the fields that a URL of one of the type's schemes means.

        The default takes the path as ``path`` and every query parameter as a
        field of its name: ``posix:///srv/ost?persist=false``.
        """
        fields: dict[str, Any] = dict(parse_qsl(url.query, keep_blank_values=True))
        location = unquote(url.netloc + url.path)
        if location:
            fields["path"] = location
        return fields


def sounds_secret(text: str) -> bool:
    """Whether what has that name, or holds it in its JSON, had better not be printed."""
    return bool(_SECRET.search(text))
