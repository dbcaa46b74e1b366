"""The implementations of which we know how they behave, by the names of their classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .general import GeneralBackend
from .local import LocalBackend
from .memory import MemoryBackend
from .objects import GcsBackend, S3Backend
from .sftp import SftpBackend
from .web import HttpBackend

__all__ = ["backend_of"]

_KNOWN: Mapping[str, type[GeneralBackend]] = {
    "fsspec.implementations.http.HTTPFileSystem": HttpBackend,
    "fsspec.implementations.local.LocalFileSystem": LocalBackend,
    "fsspec.implementations.memory.MemoryFileSystem": MemoryBackend,
    "fsspec.implementations.sftp.SFTPFileSystem": SftpBackend,
    "gcsfs.core.GCSFileSystem": GcsBackend,
    "s3fs.core.S3FileSystem": S3Backend,
}


def backend_of(found: Any) -> type[GeneralBackend]:
    """Return how a class of file systems is used: as itself only, since subclasses change things."""
    return _KNOWN.get(f"{found.__module__}.{found.__qualname__}", GeneralBackend)
