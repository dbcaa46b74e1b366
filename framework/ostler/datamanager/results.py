"""What users of the database are given."""

from __future__ import annotations

from dataclasses import dataclass

from .heads import Head
from .records import Token
from .state import State

__all__ = ["Reading", "Status", "status_of"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read at one point in time.

    :param values: in the order asked for; None: there is no such entry.
    :param token: of the groups asked for, for a commit that relies on what was read.
    :param number: of the commit that was read at.
    """

    values: tuple[bytes | None, ...]
    token: Token
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where the database stands.

    :param cluster: its id.
    :param arbiter: who decides between writers, ``"storage"`` or ``"kv"``.
    :param commit: number of the newest commit.
    :param manifest: number of the newest manifest.
    :param checkpoint: number of the commit that it reaches up to.
    :param log_bytes: of the log after it.
    :param files: data files that it names.
    :param file_bytes: their size.
    :param entries: in them, entries that were replaced or deleted since included.
    :param published: the commit that the key-value store tells of; None: it is empty.
    """

    cluster: str
    arbiter: str
    commit: int
    manifest: int
    checkpoint: int
    log_bytes: int
    files: int
    file_bytes: int
    entries: int
    published: int | None


def status_of(state: State, head: Head | None) -> Status:
    """Return where a database stands. Whoever calls holds the state's lock.

    :param head: what the key-value store tells of.
    """
    manifest = state.manifest
    files = manifest.files().values()
    return Status(
        cluster=manifest.cluster,
        arbiter=manifest.arbiter,
        commit=state.commit,
        manifest=manifest.number,
        checkpoint=manifest.commit,
        log_bytes=state.log_bytes,
        files=len(files),
        file_bytes=sum(info.size for info in files),
        entries=sum(info.count for info in files),
        published=head.commit if head else None,
    )
