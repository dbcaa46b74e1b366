"""Who uses the datamanager in a trial, and compares what it gives with what is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ostler.datamanager import Delete, Put
from ostler.errors import BadRequest, Compacted, Conflict, Error, Internal, Unavailable, Unknown

from .history import Intent, Outcome
from .scheduler import Dead

if TYPE_CHECKING:
    from .process import Process
    from .world import World

__all__ = ["ACTORS", "TYPES", "Actor"]

TYPES = ("run", "task")
GROUPS = ("red", "green", "blue")
_FILLER = bytes((i * i * 7 + i * 31 + (i >> 3)) % 256 for i in range(4096))


class Actor:
    """Does a number of things, one after the other, over as many lives of its process as it takes.

    :param name: unique in the trial.
    :ivar left: what it still has to do.
    """

    weight = 0

    def __init__(self, world: World, name: str, operations: int) -> None:
        self.world, self.name, self.left = world, name, operations
        self.chance, self.oracle = world.chance, world.oracle

    def live(self, process: Process) -> None:
        """Act, in this life of the process."""
        while self.left > 0:
            self.pause()
            self.left -= 1
            self.act(process.datamanager)

    def act(self, dm: Any) -> None:
        """Do one thing."""
        raise NotImplementedError

    def pause(self) -> None:
        """Wait a little, or long."""
        pace = self.world.profile.pace
        if pace:
            self.world.scheduler.sleep(pace * self.chance.random() * 2)
        else:
            self.world.scheduler.step()

    def attempt(self, what: str, call: Callable[[], None]) -> None:
        """Do something that may fail for want of an answer, and for nothing else."""
        self.world.note(f"{what} …")
        try:
            call()
        except Unavailable as error:
            self.failed(what, error)
        except Internal as error:
            self.alarmed(what, error)
        except Error as error:
            self.error(what, error)
        except (Exception, RecursionError) as error:
            self.error(what, error)

    def failed(self, what: str, error: Unavailable) -> None:
        """Accept that something did not work, when there is a reason for it."""
        self.world.note(f"{what} failed: {error.message}")
        self.chance.counts["unavailable"] += 1
        if not self.chance.fired:
            raise self.oracle.violated(f"{what} failed and nothing was wrong: {error.message}")

    def alarmed(self, what: str, error: Internal) -> None:
        """Accept an alarm, when something was damaged."""
        self.world.note(f"{what} alarms: {error.message}")
        if not self.oracle.at_stake:
            raise self.oracle.violated(f"{what} alarms and nothing is damaged: {error.message}")
        self.chance.counts["alarm"] += 1

    def error(self, what: str, error: BaseException) -> None:
        """Refuse any other error."""
        if isinstance(error, Dead):
            raise error
        violation = self.oracle.violated(f"{what} raised {type(error).__name__}: {error}")
        raise violation from error

    def entry(self) -> tuple[str, str]:
        """Return some entry."""
        chance = self.chance
        kind = TYPES[0] if chance.random() < 0.7 else TYPES[1]
        return kind, f"{chance.below(self.world.profile.ids):02d}"


class Writer(Actor):
    """Commits: blindly, with tokens, in batches; checks what it is told."""

    def act(self, dm: Any) -> None:
        chance = self.chance
        roll = chance.random()
        if roll < 0.45:
            self.commit(dm, None)
        elif roll < 0.93:
            self.attempt("read and commit", lambda: self._update(dm))
        elif roll < 0.97:
            self._undeclared(dm)
        else:
            self.commit(dm, None, large=True)

    def commit(self, dm: Any, token: Any, *, large: bool = False) -> None:
        """Try a transaction and note what became of it."""
        intent = self._intent(token, large=large)
        groups = [] if token is not None else sorted(intent.moves)
        self.oracle.begin(intent)
        self.world.note(f"commit {intent} …")
        counts = self.chance.counts
        try:
            number = dm.commit(intent.actions, token=token, groups=groups)
        except Conflict as error:
            self._refused(intent, error, Outcome.CONFLICT)
        except Unknown as error:
            self._refused(intent, error, Outcome.UNKNOWN)
        except Unavailable as error:
            self._refused(intent, error, Outcome.REFUSED)
            self.failed(f"commit {intent.tag}", error)
        except Internal as error:
            self._refused(intent, error, Outcome.UNKNOWN)
            self.alarmed(f"commit {intent.tag}", error)
        except Exception as error:
            self.error(f"commit {intent.tag}", error)
        else:
            self.world.note(f"{intent.tag} is commit {number}")
            counts["acknowledged"] += 1
            self.oracle.acknowledge(intent, number)

    def _refused(self, intent: Intent, error: Error, outcome: Outcome) -> None:
        self.world.note(f"{intent.tag}: {type(error).__name__}, {error.message}")
        self.chance.counts[f"commit {outcome.value}"] += 1
        self.oracle.refuse(intent, error, outcome)

    def _update(self, dm: Any) -> None:
        """Read some entries and change them if their groups have not moved."""
        chance = self.chance
        groups = [each for each in GROUPS if chance.random() < 0.4] or [chance.pick(GROUPS)]
        entries = [self.entry() for _ in range(chance.below(3))]
        low = self.oracle.acknowledged
        reading = dm.read(entries, groups=groups)
        seen = dict(zip(entries, reading.values, strict=True))
        self.oracle.check_read("read", seen, low, at=reading.number)
        if reading.token.number != reading.number:
            raise self.oracle.violated("a token is not of the state that was read")
        if chance.random() < 0.3:
            self.pause()
        self.commit(dm, reading.token)

    def _undeclared(self, dm: Any) -> None:
        try:
            dm.commit([Put("nobody-declared-this", "a", b"x")])
        except BadRequest:
            return
        except Unavailable:
            pass
        raise self.oracle.violated("an entry of an undeclared type was not refused")

    def _intent(self, token: Any, *, large: bool) -> Intent:
        world, chance = self.world, self.chance
        tag = f"{self.name}-{self.left}-{len(self.oracle.intents)}"
        actions: list[Any] = []
        for number in range(chance.pick((1, 1, 2, 4))):
            kind, name = self.entry()
            if actions and chance.random() < 0.15:
                kind, name = actions[-1].type, actions[-1].id
            if chance.random() < 0.25:
                actions.append(Delete(kind, name))
            else:
                at = chance.below(2048)
                size = 1500 if large else chance.below(world.profile.value_size + 1)
                filler = _FILLER[at : at + size]
                actions.append(Put(kind, name, f"{tag}|{number}".encode() + filler))
        if all(isinstance(each, Delete) for each in actions):
            actions.append(Delete(TYPES[0], f"zz-{tag}"))
        if token is not None:
            moves = frozenset(token.groups)
            seen = (token.number, tuple(token.groups))
        else:
            moves = frozenset(each for each in GROUPS if chance.random() < 0.25)
            seen = None
        return Intent(tag, tuple(actions), moves, seen, 0)


class Reader(Actor):
    """Reads entries and listings, and compares."""

    def act(self, dm: Any) -> None:
        roll = self.chance.random()
        if roll < 0.4:
            self.attempt("get", lambda: self._get(dm))
        elif roll < 0.9:
            self.attempt("scan", lambda: self._scan(dm))
        else:
            self.attempt("sync", lambda: self._sync(dm))

    def _get(self, dm: Any) -> None:
        entry, low = self.entry(), self.oracle.acknowledged
        data = dm.get(*entry)
        self.chance.counts["get"] += 1
        self.oracle.check_read("get", {entry: data}, low)

    def _scan(self, dm: Any) -> None:
        chance = self.chance
        kind, low = chance.pick(TYPES), self.oracle.acknowledged
        prefix = chance.pick(("", "", "0"))
        after = chance.pick(("", "", "01", "05"))
        rows = []
        began = self.world.scheduler.now
        try:
            for row in dm.scan(kind, prefix=prefix, start_after=after):
                rows.append(row)
                if chance.random() < 0.1:
                    self.world.scheduler.step()
        except Internal as error:
            # Half of the grace period is promised: the other half may be over when it begins.
            long = self.world.scheduler.now - began > self.world.profile.grace / 2
            if error.code == "missing" and long:
                return
            raise
        chance.counts["scan"] += 1
        self.oracle.check_scan("scan", kind, prefix, after, rows, low)

    def _sync(self, dm: Any) -> None:
        low = self.oracle.acknowledged
        number = dm.sync()
        if not low <= number <= self.oracle.head:
            raise self.oracle.violated(
                f"sync says {number}, not one of {low} to {self.oracle.head}"
            )


class Watcher(Actor):
    """Follows the log, over restarts, and sees every commit once."""

    def __init__(self, world: World, name: str, operations: int) -> None:
        super().__init__(world, name, operations)
        self.position = 0

    def live(self, process: Process) -> None:
        while self.left > 0:
            self.attempt("watch", lambda: self._watch(process.datamanager))
            self.left -= 1
            self.pause()

    def catch_up(self, dm: Any) -> None:
        """See what is left; called when nothing fails any more."""
        self.attempt("watch to the end", lambda: self._follow(dm, 200, 0.0))
        if not self.oracle.at_stake and self.position < self.oracle.head:
            raise self.oracle.violated(
                f"a watch ends at {self.position}, {self.oracle.head} is newest"
            )

    def _watch(self, dm: Any) -> None:
        self._follow(dm, 1 + self.chance.below(3), self.world.profile.grace * self.chance.random())

    def _follow(self, dm: Any, turns: int, timeout: float) -> None:
        self.position = min(self.position, self.oracle.head)
        try:
            watch = dm.watch(self.position)
            for _ in range(turns):
                before = self.position
                commits = watch.next(timeout)
                self.position = self.oracle.check_watched(before, commits)
                self.chance.counts["watched"] += len(commits)
                if not commits and not timeout:
                    break
            watch.close()
        except Compacted:
            self.oracle.check_compacted(self.position)
            self.chance.counts["watch compacted"] += 1
            self.position = self.oracle.head


class Checkpointer(Actor):
    """Makes checkpoints."""

    def act(self, dm: Any) -> None:
        self.attempt("checkpoint", lambda: self._checkpoint(dm))

    def _checkpoint(self, dm: Any) -> None:
        dm.checkpoint()
        self.chance.counts["checkpoint"] += 1


class Collector(Actor):
    """Removes garbage."""

    def act(self, dm: Any) -> None:
        self.attempt("collect", lambda: self._collect(dm))

    def _collect(self, dm: Any) -> None:
        dm.collect()
        self.chance.counts["collect"] += 1


ACTORS = {
    "writers": Writer,
    "readers": Reader,
    "watchers": Watcher,
    "checkpointers": Checkpointer,
    "collectors": Collector,
}
