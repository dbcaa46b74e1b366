"""Which file system, and what its constructor is given."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import Field, SecretStr, field_validator, model_validator

from ostler.spi.settings import Settings, sounds_secret

__all__ = ["FsspecSettings", "revealed"]

_CACHES = {"blockcache", "cached", "filecache", "simplecache"}
_WORDS = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


class FsspecSettings(Settings):
    """Settings of a storage on a file system of fsspec.

    :param protocol: fsspec's name of the file system: ``gs``, ``sftp``, ``memory``, …
    :param path: what follows ``://`` in a URL of that protocol, without user and password:
        ``bucket/prefix``, ``host/directory``, ``/directory``.
    :param user: of the URL, when it names one; protocols whose URLs have users take it.
    :param password: of that user.
    :param options: arguments of the file system's constructor. The texts in those whose
        names sound secret are never printed.
    """

    protocol: str = Field(pattern=r"^[a-z][a-z0-9.-]*$")
    path: str = ""
    user: str = ""
    password: SecretStr = SecretStr("")
    options: Mapping[str, Any] = {}

    @classmethod
    def from_url(cls, url: SplitResult) -> Mapping[str, Any]:
        """Take ``fsspec+PROTOCOL://[user[:password]@]path[?option=value…]``.

        ``true``, ``false``, ``null``, numbers and JSON objects and lists are taken for what
        they are, unless the option's name sounds secret; the rest is text.
        """
        login, _, place = url.netloc.rpartition("@")
        user, _, password = login.partition(":")
        query = parse_qsl(url.query, keep_blank_values=True)
        return {
            "protocol": url.scheme.partition("+")[2],
            "path": unquote(place + url.path),
            "user": unquote(user),
            "password": unquote(password),
            "options": {name: _value(name, text) for name, text in query},
        }

    @field_validator("protocol")
    @classmethod
    def _is_no_cache(cls, protocol: str) -> str:
        if protocol in _CACHES:
            raise ValueError(f"{protocol} shows what was: name the file system behind it")
        return protocol

    @field_validator("path")
    @classmethod
    def _is_one_path(cls, path: str) -> str:
        if path.startswith(":") or "::" in path:
            raise ValueError("chained URLs are not supported: give the options of the file system")
        if "?" in path or "#" in path:
            raise ValueError(
                "'?' and '#' cannot be in the path of a storage: many protocols cut it"
            )
        return path

    @field_validator("options")
    @classmethod
    def _hide(cls, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: _hidden(value, secret=sounds_secret(name)) for name, value in options.items()}

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.password.get_secret_value() and not self.user:
            raise ValueError("password needs a user")
        return self


def revealed(value: Any) -> Any:
    """Return an option's value with its secrets as plain text, for the constructor."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {name: revealed(item) for name, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value


def _hidden(value: Any, *, secret: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _hidden(item, secret=secret or sounds_secret(str(name)))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_hidden(item, secret=secret) for item in value]
    return SecretStr(value) if secret and isinstance(value, str) else value


def _value(name: str, text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError(f"the option {name} begins like JSON and is none") from None
    if sounds_secret(name):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if number := _NUMBER.fullmatch(text):
        return float(text) if number[2] else int(text)
    return text
