"""Everything that the processes of a trial share: the storage, the store, time, and what befalls them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from ostler.datamanager.manifest import encode_manifest, first_manifest
from ostler.errors import Error

from .chance import Chance
from .objects import Objects
from .oracle import Oracle
from .process import EPOCH, Process
from .profile import HAZARDS, Profile
from .scheduler import Scheduler, Task
from .store import Store

__all__ = ["World"]

_STEPS = 6000


class World:
    """One trial's world.

    :param trace: where to tell what happens, one line each; None: nobody reads it.
    :param restart: called with the name of a process some time after it died.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        skip: Collection[int],
        trace: Callable[[str], None] | None,
        restart: Callable[[str], None],
    ) -> None:
        self.profile, self.trace = profile, trace
        self.chance = Chance(profile.seed, profile.rates, most=profile.faults, skip=skip)
        self.scheduler = Scheduler(self.chance, sticky=profile.sticky, limit=_STEPS)
        self.scheduler.hazard = self._hazard
        self.objects = Objects(self.scheduler, self.chance, offset=profile.storage_offset)
        self.store = Store(self.scheduler)
        self.oracle = Oracle(self.objects, profile.prefix, profile.options)
        self.processes: list[Process] = []
        self.in_flight = 0
        if profile.founded:
            self._found()
        self._restart = restart
        self._weights = [profile.rates.get(kind, 0.0) for kind in HAZARDS]
        self._total = sum(self._weights)

    def _found(self) -> None:
        """Put a new database there, as if long ago: making one takes many steps."""
        arbiter = "storage" if self.profile.exclusive else "kv"
        manifest = first_manifest("cluster", arbiter, EPOCH - 1000.0)
        key = f"{self.profile.prefix}manifest/{1:020d}"
        self.objects.put(key, encode_manifest(manifest), if_absent=False, durable=True)

    def note(self, text: str) -> None:
        """Tell the reader of a history what happens now."""
        if self.trace is not None:
            task = self.scheduler.current
            who = task.name if task else "-"
            self.trace(f"{self.scheduler.now:10.3f} {self.scheduler.steps:5d} {who:<14} {text}")

    def deliver_later(self, call: Callable[[], Any], what: str) -> None:
        """Let a request arrive after a while, whatever became of who sent it."""
        delay = self.chance.pick(self.profile.delays) * self.profile.grace
        self.in_flight += 1
        generation = self.store.generation

        def deliver() -> None:
            self.in_flight -= 1
            if generation != self.store.generation:
                return  # the connection that carried it is gone with the store that was
            self.note(f"delivered {what}")
            with suppress(Error):  # nobody waits for the answer
                call()

        self.scheduler.after(delay, deliver)

    def crash(self, process: Process) -> None:
        """Let a process die at this instant; it comes again later."""
        self.note(f"*** {process.name} dies")
        process.alive = False
        self.processes.remove(process)
        delay = self.chance.pick((0.0, 0.01, 1.0, self.profile.grace * 1.5))
        name = process.name.partition(".")[0]
        self.scheduler.after(0.0, lambda: self.scheduler.kill(process))
        self.scheduler.after(delay + 0.0001, lambda: self._restart(name))

    def freeze(self, process: Process) -> None:
        """Let nothing of a process run for a while."""
        seconds = self.chance.pick(self.profile.delays) * self.profile.grace
        self.note(f"*** {process.name} is frozen for {seconds:g} s")
        process.frozen_until = self.scheduler.now + seconds

    def _hazard(self, task: Task) -> None:
        """Let something happen, or (mostly) not, to who takes a step."""
        self.oracle.step = self.scheduler.steps
        chance = self.chance
        if not self._total or chance.quiet or chance.random() >= self._total:
            return
        (kind,) = chance.rng.choices(HAZARDS, self._weights)
        if chance.fire(kind):
            self._happen(kind, task)
        if task.process is not None and not task.process.alive:
            self.scheduler.leave()

    def _happen(self, kind: str, task: Task) -> None:
        process = task.process
        if process is None:
            return
        if kind == "freeze":
            self.freeze(process)
        elif kind == "clock.jump":
            seconds = self.chance.pick((-3600.0, -20.0, 20.0, 3600.0))
            self.note(f"*** the clock of {process.name} is set by {seconds:g} s")
            process.clock.jump(seconds)
        elif kind == "crash":
            self.crash(process)
        elif kind == "power":
            self._power_loss()
        elif kind == "kv.outage":
            self._outage()
        elif kind == "kv.wipe":
            self._excuse_alarm()
            self.note("*** the key-value store is emptied")
            self.store.wipe()
        elif self.store.turns_back and self.chance.random() < 0.6:
            self._excuse_alarm()
            self.note("*** the key-value store is turned back to its backup")
            self.store.turn_back()
        else:
            self.note("*** the key-value store is backed up")
            self.store.remember()

    def _power_loss(self) -> None:
        self.note("*** power loss")
        for process in list(self.processes):
            self.crash(process)
        lost, back = self.objects.power_loss()
        self.note(f"*** lost: {', '.join(lost) or 'nothing'}; back: {', '.join(back) or 'nothing'}")
        self.oracle.lost(lost)

    def _outage(self) -> None:
        seconds = self.chance.pick((0.05, 1.0, self.profile.grace))
        self.store.down_until = self.scheduler.now + seconds
        self.note(f"*** the key-value store is out of reach for {seconds:g} s")

    def _excuse_alarm(self) -> None:
        """A number given away by the store and not yet written may now be given away twice.

        Nobody can tell then which of the two is right; an alarm is what one can ask for.
        """
        oracle = self.oracle
        if oracle.newest.arbiter == "storage" if oracle.newest else self.profile.exclusive:
            return
        newest = oracle.newest.number if oracle.newest else 0
        for key in self.store.items:
            *_, kind, digits = f"/{key}".split("/")
            if kind in ("wal", "manifest") and digits.isdigit():
                number = int(digits)
                if number > (oracle.head if kind == "wal" else newest):
                    oracle.at_stake.add(f"{kind}/{digits}")
