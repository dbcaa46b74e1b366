"""What one process knows of the database, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ostler.errors import Conflict

from .manifest import Manifest
from .names import MANIFESTS, numbered
from .records import Batch, Put, Token
from .sealing import damaged

__all__ = ["Changes", "Snapshot", "State"]

Changes = dict[str, dict[str, tuple[int, bytes | None]]]
"""Per type and id: the commit that wrote it last, and the value; None: deleted."""

_RECENT = 256
_RECENT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The database at one commit.

    :param changes: what is newer than the manifest.
    """

    commit: int
    digest: bytes
    manifest: Manifest
    changes: Mapping[str, Mapping[str, tuple[int, bytes | None]]]
    groups: Mapping[str, int]
    floor: int


@dataclass(slots=True)
class State:
    """A manifest and everything committed after it. Whoever calls holds the lock.

    :param commit: number of the newest commit that is known.
    :param digest: of its object in the log.
    :param groups: change groups and the commit that moved each last.
    :param floor: groups that are not there were not moved after this commit.
    :param log_bytes: size of the log since the manifest.
    :param recent: the newest objects of the log.
    """

    manifest: Manifest
    commit: int
    digest: bytes
    groups: dict[str, int]
    floor: int
    changes: Changes = field(default_factory=dict)
    log_bytes: int = 0
    recent: deque[Batch] = field(default_factory=deque)
    recent_bytes: int = 0
    _sizes: deque[tuple[int, int]] = field(default_factory=deque)

    @classmethod
    def at(cls, manifest: Manifest) -> State:
        """Return the state that a manifest describes."""
        return cls(
            manifest, manifest.commit, manifest.digest, dict(manifest.groups), manifest.floor
        )

    def apply(self, batch: Batch) -> None:
        """Take in the commit that follows the newest one."""
        number = batch.number
        for transaction in batch.transactions:
            for group in transaction.groups:
                self.groups[group] = number
            for action in transaction.actions:
                data = action.data if type(action) is Put else None
                self.changes.setdefault(action.type, {})[action.id] = (number, data)
        self.commit, self.digest = number, batch.digest
        self.log_bytes += batch.size
        self._sizes.append((number, batch.size))
        self._remember(batch)

    def _remember(self, batch: Batch) -> None:
        self.recent.append(batch)
        self.recent_bytes += batch.size
        while len(self.recent) > _RECENT or (
            self.recent_bytes > _RECENT_BYTES and len(self.recent) > 1
        ):
            self.recent_bytes -= self.recent.popleft().size

    def digest_at(self, number: int) -> bytes | None:
        """Return the digest of a commit's log object; None: it was taken in too long ago."""
        if self.recent and (at := number - self.recent[0].number) >= 0:
            return self.recent[at].digest
        return None

    def adopt(self, manifest: Manifest) -> None:
        """Take over a newer manifest."""
        if manifest.commit > self.commit:
            self._begin(manifest)
            return
        if manifest.commit == self.commit and manifest.digest != self.digest:
            raise damaged(
                numbered(MANIFESTS, manifest.number), f"it was made of another commit {self.commit}"
            )
        self.manifest = manifest
        for name, changes in list(self.changes.items()):
            newer = {key: item for key, item in changes.items() if item[0] > manifest.commit}
            if newer:
                self.changes[name] = newer
            else:
                del self.changes[name]
        while self._sizes and self._sizes[0][0] <= manifest.commit:
            self.log_bytes -= self._sizes.popleft()[1]
        self._raise_floor(manifest.floor)

    def check(self, token: Token, moved: Iterable[str] = ()) -> None:
        """Refuse a token of which a group was moved since it was read.

        :param moved: groups that earlier transactions of the same batch move.
        :raises Conflict: code ``"changed"``; names the group.
        """
        if token.number < self.floor:
            raise Conflict(
                f"what commit {token.number} showed is too old to be compared, only what came "
                f"after {self.floor} is remembered: read again and try once more",
                code="changed",
            )
        for group in token.groups:
            if group in moved or self.groups.get(group, 0) > token.number:
                raise Conflict(
                    f"the change group {group!r} was changed by somebody else: read again and "
                    "try once more",
                    code="changed",
                )

    def snapshot(self) -> Snapshot:
        """Return what is known now, untouched by what comes."""
        changes = {name: dict(items) for name, items in self.changes.items()}
        return Snapshot(
            self.commit, self.digest, self.manifest, changes, dict(self.groups), self.floor
        )

    def _begin(self, manifest: Manifest) -> None:
        """Forget what is known: the manifest is further."""
        self.manifest, self.commit, self.digest = manifest, manifest.commit, manifest.digest
        self.groups, self.floor = dict(manifest.groups), manifest.floor
        self.changes = {}
        self.log_bytes = 0
        self._sizes.clear()
        self.recent.clear()
        self.recent_bytes = 0

    def _raise_floor(self, floor: int) -> None:
        if floor > self.floor:
            self.floor = floor
            self.groups = {name: at for name, at in self.groups.items() if at > floor}
