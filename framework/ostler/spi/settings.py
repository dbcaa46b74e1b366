"""The base of every settings model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import BaseModel, ConfigDict

__all__ = ["Settings"]


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
