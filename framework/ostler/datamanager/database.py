"""The database as its users see it: everything else put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from ostler.clock import Clock
from ostler.closing import Closing
from ostler.errors import BadRequest, Conflict, Internal
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage

from .arbitration import sequence
from .background import Background
from .cache import FileCache
from .changes import Changes, changes_after
from .checking import check_type
from .checkpointing import Checkpointer, CheckpointReport
from .collecting import Collector, CollectReport
from .committing import Committer
from .founding import find_or_found
from .heads import Heads
from .log import Log
from .names import KV_PREFIX, MANIFESTS, WALS
from .options import Options
from .publishing import Publisher
from .records import Action, Token
from .recovery import check_head, recover
from .requests import request_of
from .results import Reading, Status, status_of
from .state import Snapshot
from .threads import SystemThreads, Threads
from .turns import Turns
from .verifying import Problem, Verifier
from .views import Files, is_missing, scan_snapshot
from .watching import CommitWatch, Listeners

__all__ = ["Datamanager"]

_ATTEMPTS = 5


class Datamanager(Closing):
    """A crash-safe database of typed entries. Usable from many threads at once.

    Nothing is done before `open`. A context manager: entering opens it and
    starts its threads, leaving closes it; object storage and key-value store
    stay open.

    :param ost: where everything is; below it the datamanager uses ``wal/``,
        ``manifest/``, ``data/`` and ``probe/``.
    :param kv: tells other processes of commits, below ``datamanager/``.
    :param types: of entries; any other is refused before anything is written.
    :param threads: where waiting and threads come from.
    """

    def __init__(
        self,
        ost: ObjectStorage,
        kv: KeyValueStore,
        *,
        types: Iterable[str],
        clock: Clock,
        options: Options | None = None,
        threads: Threads | None = None,
    ) -> None:
        self._ost, self._kv = ost, kv.with_prefix(KV_PREFIX)
        self._types = frozenset(map(check_type, types))
        self._clock, self._options = clock, options or Options()
        self._threads = threads or SystemThreads(clock)
        self._background: Background | None = None
        self._opened = False

    def open(self) -> None:
        """Recover: the newest manifest, then the log until its end; make the database if there is none.

        :raises Internal: something is damaged or missing (code ``"damaged"``); names it.
        :raises Conflict: key-value store and storage do not belong together.
        """
        ost, options, threads = self._ost, self._options, self._threads
        heads = Heads(self._kv)
        head = heads.read()
        manifest = find_or_found(ost, self._kv, head, self._clock, threads)
        self._manifest = manifest
        self._wals = sequence(ost, self._kv, WALS, manifest.arbiter, self._covered)
        self._manifests = sequence(ost, self._kv, MANIFESTS, manifest.arbiter)
        self._listeners = Listeners(threads)
        writer = self._clock.new_id()
        self._turns = Turns(self._kv, writer)
        self._log = Log(
            self._wals,
            self._manifests,
            state=recover(manifest, self._wals, self._manifests, threads),
            lock=threads.lock(),
            clock=self._clock,
            options=options,
            writer=writer,
            advanced=self._listeners.wake,
            lost=self._lost,
        )
        newest = self._log.sync()
        check_head(head, self._log.state)
        if head is None or head.commit < newest:
            self._log.secure()
        self._publisher = Publisher(heads, self._log, self._turns, threads, self._clock, head)
        self._publisher.publish()
        self._build()
        self._opened = True

    def _build(self) -> None:
        ost, log, clock, options = self._ost, self._log, self._clock, self._options
        cache = FileCache(options.cache_bytes)
        self._files = Files(ost, cache)
        self._committer = Committer(log, self._turns, self._threads, clock, options)
        self._checkpointing = self._threads.lock()
        self._checkpointer = Checkpointer(
            ost, log, self._manifests, cache, clock=clock, options=options
        )
        self._collector = Collector(
            ost,
            log,
            self._wals,
            self._manifests,
            self._checkpointer,
            clock=clock,
            options=options,
        )

    def start(self) -> None:
        """Begin to publish, to follow other processes, to make checkpoints and to collect, in threads."""
        self._check_open()
        if self._background is None:
            self._background = Background(
                self,
                self._kv,
                self._log,
                self._publisher,
                threads=self._threads,
                clock=self._clock,
                options=self._options,
            )
            self._background.start()

    def commit(
        self,
        actions: Sequence[Action],
        *,
        token: Token | None = None,
        groups: Iterable[str] = (),
    ) -> int:
        """Commit actions: all of them, in their order, or none; durable. Return the commit's number.

        :param token: fails with `Conflict` when one of its groups was moved since it was read; moves them.
        :param groups: change groups to move whatever happened to them.
        :raises Conflict: the token is too old; nothing was committed.
        :raises BadRequest: an undeclared type, a wrong id, too many bytes; nothing was written.
        :raises Unknown: it may be committed, or become so: read before you try again.
        :raises Unavailable: the storage has no room (code ``"no_space"``); nothing was committed.
        """
        self._check_open()
        self._check_types(action.type for action in actions)
        request = request_of(actions, token, groups, self._options.transaction_bytes)
        number = self._committer.commit(request)
        self._publisher.tell()
        if self._background is not None:
            self._background.committed()
        return number

    def get(self, type: str, id: str, *, fresh: bool = True) -> bytes | None:
        """Return the value of an entry; None: there is none. See `read`."""
        return self.read(((type, id),), fresh=fresh).values[0]

    def read(
        self,
        keys: Sequence[tuple[str, str]],
        *,
        groups: Iterable[str] = (),
        fresh: bool = True,
    ) -> Reading:
        """Return entries, ``(type, id)`` each, as they are at one point in time.

        :param groups: to be in the token.
        :param fresh: see every commit that any process had acknowledged before
            this call; costs a look at the storage. False: see what this process
            knows, all of its own commits included.
        """
        self._check_open()
        self._check_types(key[0] for key in keys)
        if fresh:
            self._log.sync()
        names = tuple(groups)
        for _ in range(_ATTEMPTS):
            try:
                return self._read(keys, names)
            except Internal as error:
                if not self._replaced(error):
                    raise
        return self._read(keys, names)

    def scan(
        self,
        type: str,
        *,
        prefix: str = "",
        start_after: str = "",
        fresh: bool = True,
        at: Snapshot | None = None,
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the entries of a type in the order of their ids, as they are at one point in time.

        :param at: the point in time; None: now.
        :raises Internal: code ``"missing"``: reading took longer than replaced files are kept.
        """
        self._check_types([type])
        return scan_snapshot(
            at or self.snapshot(fresh=fresh),
            type,
            self._files,
            prefix=prefix,
            start_after=start_after,
        )

    def changes(self, type: str, after: int, digest: bytes) -> Changes:
        """Return what was written to entries of a type after a commit, up to now.

        :param after: number of the commit, as a snapshot or earlier changes told it.
        :param digest: of the commit, likewise.
        :raises Compacted: that can no longer be told, or this database has no such
            commit: take a snapshot and scan it.
        """
        self._check_types([type])
        return changes_after(self.snapshot(), self._wals, type, after, digest)

    def has_entries(self) -> bool:
        """Return whether there is any entry, of any type."""
        at = self.snapshot()
        return any(next(self.scan(name, at=at), None) for name in sorted(self._types))

    def snapshot(self, *, fresh: bool = True) -> Snapshot:
        """Return the database as it is now; its files are kept for the grace period."""
        self._check_open()
        if fresh:
            self._log.sync()
        with self._log.lock:
            return self._log.state.snapshot()

    def token(self, groups: Iterable[str], *, fresh: bool = True) -> Token:
        """Return a token of groups as they are now."""
        return self.read((), groups=groups, fresh=fresh).token

    def watch(self, after: int) -> CommitWatch:
        """Watch all commits after a number, gap-free."""
        self._check_open()
        if self._background is not None:
            self._background.follow()
        return CommitWatch(
            self._log,
            self._wals,
            self._listeners,
            threads=self._threads,
            clock=self._clock,
            after=after,
            poll=self._options.poll,
        )

    @property
    def cluster(self) -> str:
        """Id of the database, for ever."""
        self._check_open()
        return self._log.state.manifest.cluster

    def sync(self) -> int:
        """Take in every commit that was acknowledged before this call; return the newest number."""
        self._check_open()
        return self._log.sync()

    def checkpoint(self) -> CheckpointReport:
        """Bring everything committed into data files."""
        self._check_open()
        with self._checkpointing:
            report = self._checkpointer.checkpoint()
        self._publisher.tell()
        return report

    def collect(self) -> CollectReport:
        """Remove what is not needed any more and older than the grace period."""
        self._check_open()
        with self._checkpointing:
            return self._collector.collect()

    def verify(self) -> Iterator[Problem]:
        """Read every byte that the database rests on; yield what is damaged or missing."""
        self._check_open()
        return Verifier(self._log, self._wals, self._manifests, self._files).verify()

    def status(self) -> Status:
        """Say where the database stands."""
        self._check_open()
        self._log.sync()
        head = Heads(self._kv).read()
        with self._log.lock:
            return status_of(self._log.state, head)

    def close(self) -> None:
        """End the threads; say how far the log reaches. Idempotent."""
        background, self._background = self._background, None
        if background is not None:
            background.close()
        if self._opened:
            self._opened = False
            self._publisher.close()
            self._listeners.wake()

    def __enter__(self) -> Self:
        self.open()
        self.start()
        return self

    def _read(self, keys: Sequence[tuple[str, str]], groups: tuple[str, ...]) -> Reading:
        with self._log.lock:
            state = self._log.state
            number, manifest = state.commit, state.manifest
            newer = [state.changes.get(key[0], {}).get(key[1]) for key in keys]
        values = tuple(
            self._files.get(manifest.types.get(key[0]), key[1]) if item is None else item[1]
            for key, item in zip(keys, newer, strict=True)
        )
        return Reading(values, Token(number, groups), number)

    def _replaced(self, error: Internal) -> bool:
        """Whether a file is missing because a newer manifest is there."""
        if not is_missing(error):
            return False
        before = self._log.state.manifest.number
        return self._log.refresh().number > before

    def _lost(self) -> None:
        """Note that another process was faster than this one."""
        if self._turns.lost():
            self._publisher.tell()

    def _covered(self) -> int:
        """Return the number of the newest commit that is known to be covered by a manifest."""
        log: Log | None = getattr(self, "_log", None)
        return (log.state.manifest if log else self._manifest).commit

    def _check_types(self, types: Iterable[str]) -> None:
        for name in types:
            if name not in self._types:
                raise BadRequest(
                    f"{name!r} is no declared type of entries; declared are: "
                    f"{', '.join(sorted(self._types))}"
                )

    def _check_open(self) -> None:
        if not self._opened:
            raise Conflict("the datamanager is not open: open it first", code="closed")
