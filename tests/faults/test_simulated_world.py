"""The simulator itself: what it does to its processes is what the rules of the world say, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostler.errors import Conflict, Unavailable
from ostler.kv import KeyValueStore
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy

from .simulation.history import Violation
from .simulation.kv import SimulatedKv
from .simulation.process import Process
from .simulation.profile import Profile, profile_of
from .simulation.scheduler import Stuck
from .simulation.storage import SimulatedStorage
from .simulation.world import World

CALM = replace(profile_of(0), rates={}, founded=False, prefix="", faults=1000, sticky=0.0)
ONCE = RetryPolicy(attempts=1)


class Stage:
    """A world with processes in it, without a datamanager."""

    def __init__(self, profile: Profile = CALM) -> None:
        self.restarted: list[str] = []
        self.world = World(profile, skip=(), trace=None, restart=self.restarted.append)
        self.done: list[Any] = []

    def process(self, name: str = "p0.1") -> Process:
        scheduler, chance = self.world.scheduler, self.world.chance
        process = Process(scheduler, chance, name, offset=0.0, rate=1.0)
        self.world.processes.append(process)
        return process

    def ost(self, process: Process) -> ObjectStorage:
        driver = SimulatedStorage(self.world, process, self.world.objects)
        return ObjectStorage(driver, clock=process.clock, retry=ONCE)

    def kv(self, process: Process) -> KeyValueStore:
        driver = SimulatedKv(self.world, process, self.world.store)
        return KeyValueStore(driver, clock=process.clock, retry=ONCE)

    def run(self) -> None:
        self.world.scheduler.run(
            lambda: not self.world.scheduler.running and not self.world.in_flight
        )


def test_time_passes_only_while_somebody_sleeps_or_acts() -> None:
    stage = Stage()
    process = stage.process()

    def sleep() -> None:
        began = process.clock.monotonic()
        process.clock.sleep(1000.0)
        stage.done.append(process.clock.monotonic() - began)

    stage.world.scheduler.spawn(process, "sleeper", sleep)
    stage.run()
    assert stage.done == [pytest.approx(1000.0)]


def test_a_dead_process_has_no_effect_not_even_from_finally() -> None:
    stage = Stage()
    process, other = stage.process(), stage.process("p1.1")
    ost = stage.ost(process)

    def write() -> None:
        try:
            process.clock.sleep(10.0)
        finally:
            ost.put("data/run/a", b"from the grave")

    def kill() -> None:
        other.clock.sleep(1.0)
        stage.world.crash(process)

    stage.world.scheduler.spawn(process, "writer", write)
    stage.world.scheduler.spawn(other, "killer", kill)
    stage.run()
    assert not process.alive
    assert list(stage.world.objects.present) == []


def test_a_frozen_process_goes_on_where_it_was() -> None:
    stage = Stage()
    process = stage.process()
    ost = stage.ost(process)

    def write() -> None:
        process.frozen_until = 500.0
        ost.put("data/run/a", b"x")
        stage.done.append(stage.world.scheduler.now >= 500.0)

    stage.world.scheduler.spawn(process, "writer", write)
    stage.run()
    assert stage.done == [True]


def test_locks_exclude_and_gates_wake() -> None:
    stage = Stage()
    process = stage.process()
    lock, gate = process.threads.lock(), process.threads.gate()

    def count(name: str) -> None:
        with lock:
            stage.done.append(f"{name} in")
            process.clock.sleep(1.0)
            stage.done.append(f"{name} out")
        gate.open()

    def wait() -> None:
        assert gate.wait()
        stage.done.append("woken")

    for name in ("a", "b"):
        stage.world.scheduler.spawn(process, name, lambda name=name: count(name))
    stage.world.scheduler.spawn(process, "waiter", wait)
    stage.run()
    first, second, third, fourth = [each for each in stage.done if each != "woken"]
    assert (first[0], third[0]) == (second[0], fourth[0])
    assert "woken" in stage.done


def test_waiting_for_nobody_is_found() -> None:
    stage = Stage()
    process = stage.process()
    gate = process.threads.gate()
    stage.world.scheduler.spawn(process, "waiter", gate.wait)
    with pytest.raises(Stuck, match="nobody can go on"):
        stage.run()
    stage.world.scheduler.abandon()


def test_power_loss_takes_what_is_not_durable_and_nothing_else() -> None:
    taken = 0
    for seed in range(40):
        stage = Stage(replace(CALM, seed=seed, remote=False))
        objects = stage.world.objects
        objects.put("data/run/a", b"1", if_absent=False, durable=True)
        objects.put("data/run/a", b"2", if_absent=False, durable=False)
        objects.put("data/run/b", b"1", if_absent=False, durable=False)
        objects.put("data/run/c", b"1", if_absent=False, durable=True)
        objects.power_loss()
        assert objects.present["data/run/a"].data in (b"1", b"2")
        assert "data/run/c" in objects.present
        taken += "data/run/b" not in objects.present
    assert 0 < taken < 40


def test_a_late_put_arrives_after_its_sender_gave_up_and_exclusively() -> None:
    profile = replace(CALM, remote=True, exclusive=True, vague=False, delays=(1.0,))
    stage = Stage(replace(profile, rates={"put.late": 1.0}, faults=1))
    process = stage.process()
    ost = stage.ost(process)

    def write() -> None:
        with pytest.raises(Unavailable):
            ost.put("data/run/a", b"late", if_absent=True)
        assert not ost.exists("data/run/a")
        process.clock.sleep(profile.grace * 2)
        with pytest.raises(Conflict):
            ost.put("data/run/a", b"second", if_absent=True)
        stage.done.append(ost.read("data/run/a"))

    stage.world.scheduler.spawn(process, "writer", write)
    stage.run()
    assert stage.done == [b"late"]


def test_the_store_is_emptied_and_turned_back() -> None:
    stage = Stage()
    process = stage.process()
    kv = stage.kv(process)

    def write() -> None:
        kv.put("a", b"1")
        stage.world.store.remember()
        kv.put("a", b"2")
        stage.world.store.turn_back()
        item = kv.get("a")
        stage.done.append(item and item.value)
        stage.world.store.wipe()
        stage.done.append((kv.get("a"), kv.list().revision))

    stage.world.scheduler.spawn(process, "writer", write)
    stage.run()
    assert stage.done == [b"1", (None, 1)]


def test_the_oracle_knows_its_rules() -> None:
    stage = Stage()
    with pytest.raises(Violation, match="outside of the layout"):
        stage.world.objects.put("else/where", b"", if_absent=False, durable=True)
    assert stage.world.oracle.violation is not None
