"""One seed, from beginning to end."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ostler.datamanager import Datamanager
from ostler.errors import Internal, Unavailable
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy

from . import audit
from .actors import ACTORS, TYPES, Actor, Reader, Watcher
from .history import Excused, Violation
from .kv import SimulatedKv
from .layout import unchained
from .objects import Objects
from .process import Process
from .profile import Profile, profile_of
from .scheduler import Stuck
from .storage import SimulatedStorage
from .store import Store
from .world import World

__all__ = ["Result", "run_seed", "run_trial"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a seed.

    :param failure: the rule that was broken; empty: none.
    """

    seed: int
    failure: str
    steps: int
    fired: int
    counts: Counter[str]


class Trial:
    """A world, the actors in it, and their processes' lives."""

    def __init__(
        self, profile: Profile, skip: Collection[int], trace: Callable[[str], None] | None
    ) -> None:
        self.profile = profile
        self.world = World(profile, skip=skip, trace=trace, restart=self._start)
        self.actors: dict[str, list[Actor]] = {}
        self._lives: Counter[str] = Counter()
        self._busy: dict[Actor, Process] = {}

    def run(self) -> None:
        """Run it.

        :raises Violation: a rule was broken.
        :raises Stuck: it did not end.
        """
        world, chance = self.world, self.world.chance
        for number in range(self.profile.processes):
            name = f"p{number}"
            self.actors[name] = self._cast(name, first=number == 0)
            late = number and chance.random() < 0.5
            delay = chance.random() * (self.profile.pace * 4 + 0.05) if late else 0.0
            world.scheduler.after(delay, partial(self._start, name))
        if chance.random() < 0.3:
            self._audit_later(chance.random() * 0.15)
        world.scheduler.run(self._finished)
        self._raise()
        self._end()

    def _cast(self, process: str, *, first: bool) -> list[Actor]:
        profile, actors = self.profile, []
        for kind, actor in ACTORS.items():
            count = getattr(profile, kind)
            if kind in ("checkpointers", "collectors", "watchers") and not first:
                count = 1 if count and self.world.chance.random() < 0.5 else 0
            for number in range(count):
                name = f"{process}{kind[0]}{number}"
                actors.append(actor(self.world, name, profile.operations))
        return actors

    def _start(self, name: str) -> None:
        """Begin a life of a process: recover, then let its actors go on."""
        world, chance = self.world, self.world.chance
        self._lives[name] += 1
        profile = self.profile
        process = Process(
            world.scheduler,
            chance,
            f"{name}.{self._lives[name]}",
            offset=profile.skew * (chance.random() * 2 - 1),
            rate=1.0,
        )
        world.processes.append(process)
        process.datamanager = self._datamanager(process)
        world.note(f"*** {process.name} begins")
        world.scheduler.spawn(process, f"{process.name}.open", partial(self._open, process))

    @property
    def _retries(self) -> RetryPolicy:
        attempts = self.profile.retries
        return RetryPolicy(attempts=attempts, first=0.05, longest=1.0, deadline=10.0)

    def _storage(self, process: Process, objects: Objects) -> ObjectStorage:
        driver = SimulatedStorage(self.world, process, objects)
        ost = ObjectStorage(driver, clock=process.clock, retry=self._retries)
        return ost.with_prefix(self.profile.prefix) if self.profile.prefix else ost

    def _datamanager(
        self, process: Process, *, objects: Objects | None = None, store: Store | None = None
    ) -> Datamanager:
        world, profile = self.world, self.profile
        kv = SimulatedKv(world, process, store or world.store)
        return Datamanager(
            self._storage(process, objects or world.objects),
            KeyValueStore(kv, clock=process.clock, retry=self._retries),
            types=TYPES,
            clock=process.clock,
            options=profile.options,
            threads=process.threads,
        )

    def _open(self, process: Process) -> None:
        name = process.name.partition(".")[0]
        actors = self.actors[name]
        judge = Reader(self.world, process.name, 0)
        opened: list[bool] = []
        while not opened:
            judge.attempt("open", lambda: opened.append(bool(process.datamanager.open()) or True))
            if not opened:
                if self.world.oracle.at_stake:
                    for actor in actors:
                        actor.left = 0
                    return
                process.clock.sleep(0.5)
        self.world.chance.counts["recovery"] += 1
        for actor in actors:
            if actor.left > 0:
                self._busy[actor] = process
                run = partial(self._live, actor, process)
                self.world.scheduler.spawn(process, actor.name, run)

    def _live(self, actor: Actor, process: Process) -> None:
        actor.live(process)

    def _finished(self) -> bool:
        oracle = self.world.oracle
        if oracle.violation is not None or oracle.excused:
            return True
        if self.world.scheduler.running:
            return False
        return not any(actor.left > 0 for actors in self.actors.values() for actor in actors)

    def _raise(self) -> None:
        if self.world.oracle.violation is not None:
            raise self.world.oracle.violation
        if self.world.oracle.excused:
            raise Excused

    def _audit_later(self, delay: float) -> None:
        self.world.scheduler.after(delay, self._audit)

    def _audit(self) -> None:
        """Look at what a restart now would find."""
        world = self.world
        if world.oracle.at_stake:
            return
        scheduler, chance = world.scheduler, world.chance
        trace, world.trace = world.trace, None
        quiet, chance.quiet = chance.quiet, True
        try:
            objects = world.objects.copy(scheduler, chance, durable_only=True)
            audit.look(world, self._copied(objects), objects)
            chance.counts["audit"] += 1
        finally:
            world.trace, chance.quiet = trace, quiet

    def _audit_damage(self) -> None:
        """Break something in a copy: whoever opens it is told, or sees what is right."""
        world = self.world
        objects = world.objects.copy(world.scheduler, world.chance)
        needed = sorted(world.oracle.needed())
        if not needed:
            return
        key = world.chance.pick(needed)
        if "wal/" in key and world.chance.random() < 0.3:
            objects.replace(key, unchained(objects.present[key].data, key))
            done = f"{key} follows something else"
        else:
            done = objects.damage(key)
        world.note(f"*** in a copy {done}")
        trace, world.trace = world.trace, None
        try:
            audit.rescued(world, self._storage(self._outsider("rescue"), objects), done)
            told = audit.look_at_damage(world, self._copied(objects), done)
        finally:
            world.trace = trace
        world.chance.counts["damage told" if told else "damage harmless"] += 1

    def _copied(self, objects: Objects) -> Datamanager:
        """Return a datamanager on a copy of the storage, and of the store, which may be lost."""
        store = self.world.store.copy(self.world.scheduler)
        if self.world.chance.random() < 0.3:
            store.wipe()
        return self._datamanager(self._outsider("audit"), objects=objects, store=store)

    def _outsider(self, name: str) -> Process:
        world = self.world
        return Process(world.scheduler, world.chance, name, offset=0.0, rate=1.0)

    def _end(self) -> None:
        """Let nothing fail any more, and see whether all is well."""
        world, scheduler, chance = self.world, self.world.scheduler, self.world.chance
        chance.quiet = True
        world.store.down_until = 0.0
        for process in world.processes:
            if self._has_opened(process) and chance.random() < 0.6:
                scheduler.spawn(process, f"{process.name}.last", partial(self._last_look, process))
        scheduler.run(lambda: self._finished() and not world.in_flight)
        self._raise()
        if chance.random() < 0.25:
            self._audit_damage()
        world.note("*** the end: a new process looks at what is there")
        process = self._outsider("judge")
        try:
            audit.conclude(world, self._datamanager(process))
        except Internal as error:
            if not world.oracle.at_stake:
                raise world.oracle.violated(f"alarm without damage: {error.message}") from error
            chance.counts["alarm"] += 1
        except Unavailable as error:
            raise world.oracle.violated(f"nothing fails, and yet: {error.message}") from error

    def _has_opened(self, process: Process) -> bool:
        return any(owner is process for owner in self._busy.values())

    def _last_look(self, process: Process) -> None:
        """Each process that lives sees the same in the end."""
        dm, judge = process.datamanager, Reader(self.world, process.name, 0)
        process.frozen_until = 0.0
        judge.attempt("last look", lambda: audit.compare(self.world, dm))
        for actor, owner in self._busy.items():
            if owner is process and isinstance(actor, Watcher):
                actor.catch_up(dm)
        judge.attempt("close", dm.close)


def run_trial(
    profile: Profile,
    *,
    skip: Collection[int] = frozenset(),
    trace: Callable[[str], None] | None = None,
) -> Result:
    """Run a trial and say what became of it."""
    trial = Trial(profile, skip, trace)
    failure = ""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what it would tell is what the faults are
    try:
        trial.run()
    except Excused:
        trial.world.chance.counts["excused"] += 1
    except (Violation, Stuck) as error:
        failure = str(error) or repr(error)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        if trace is not None:
            raise
    finally:
        trial.world.scheduler.abandon()
        logging.disable(before)
    world = trial.world
    counts = world.chance.counts
    if not failure:
        counts["arbiter " + ("storage" if profile.exclusive else "kv")] += 1
        counts["storage " + ("remote" if profile.remote else "local")] += 1
    return Result(profile.seed, failure, world.scheduler.steps, world.chance.fired, counts)


def run_seed(seed: int, **changes: Any) -> Result:
    """Run one seed as it is."""
    return run_trial(replace(profile_of(seed), **changes) if changes else profile_of(seed))
