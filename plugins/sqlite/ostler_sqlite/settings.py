from __future__ import annotations

from pydantic import Field

from ostler.spi import Settings

__all__ = ["SqliteSettings"]


class SqliteSettings(Settings):
    """Settings of a store in one SQLite file.

    :param path: the database file; made, with its directory, when absent.
    :param busy_timeout: seconds to wait while another process writes.
    :param keep_revisions: how many revisions can be listed at and watched from.
    :param keep_bytes: of history at most; the older part goes even when it is
        within ``keep_revisions``.
    """

    path: str = Field(min_length=1)
    busy_timeout: float = Field(default=10.0, gt=0, le=600)
    keep_revisions: int = Field(default=100_000, ge=1)
    keep_bytes: int = Field(default=256 << 20, ge=1 << 20)
