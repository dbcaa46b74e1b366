"""What a file system says of a file, as an object's description."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ostler.errors import BadRequest
from ostler.spi.storage import ObjectInfo

__all__ = ["Info", "is_object", "object_info"]

Info = Mapping[str, Any]
"""An answer of fsspec's `info`, or an item of its `ls`."""

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created", "date_time")
_ETAGS = ("ETag", "etag", "md5Hash", "content_md5", "md5", "checksum", "ukey")


def is_object(info: Info) -> bool:
    """Whether it is a file, and no link to one."""
    return info.get("type") == "file" and not info.get("islink")


def object_info(key: str, info: Info, *, grain: float = 0.0, etag: str | None = None) -> ObjectInfo:
    """Describe the object ``key``.

    :param grain: of the time, in seconds, where `info` and `ls` tell it differently.
    :param etag: where the backend knows better than to look for one.
    :raises BadRequest: the file system does not tell the size.
    """
    size = info.get("size")
    if size is None:
        raise BadRequest(f"the file system does not tell the size of {key!r}: it cannot be read")
    modified = _seconds(info)
    if grain:
        modified = math.floor(modified / grain) * grain
    return ObjectInfo(key, int(size), modified, etag or _etag(info))


def _etag(info: Info) -> str | None:
    return next((str(info[name]) for name in _ETAGS if info.get(name)), None)


def _seconds(info: Info) -> float:
    """Return when it was modified; 0.0, which is 1970, when that is not told."""
    for name in _TIMES:
        value = info.get(name)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, tuple):  # an archive's, which has no time zone
            return datetime(*value[:6]).replace(tzinfo=UTC).timestamp()
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, str) and value:
            return _of_text(value)
    return 0.0


def _of_text(value: str) -> float:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
