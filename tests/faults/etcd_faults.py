"""Faults of a real etcd under processes at work: nothing acknowledged is lost, and all goes on soon.

Two processes commit in several threads each, under tokens of common and of
disjoint groups, read fresh, watch, make checkpoints and collect; a third one only watches. In each
cycle something happens to etcd; then it is measured when each of these threads
has succeeded again, and the database is judged, opened anew with this etcd or
with an empty one. The storage decides between writers in one half of
the cycles, etcd in the other. By hand::

    python tests/faults/etcd_faults.py --cycles 100 --fault wiped
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

from etcd_judging import KINDS, EtcdJudge
from etcd_place import ARBITERS, Backups, EtcdPlace, EtcdServer, Network
from etcd_work import ALIVE, EtcdWorker, TimedJournal
from processes import Processes, processes, quick_directory
from workload import Options, with_grace

FAULTS = ("wiped", "put back", "killed", "paused", "compacted", "dropped", "blackholed")
CUT = {"dropped": "refuse", "blackholed": "swallow"}
NAMES, LISTENER = ("a", "b"), "c"
THREADS = 10
"""Of both processes together, whose successes are counted beside what is watched."""

GRACE, POLL = 12.0, 2.0
"""Who was stopped to be judged, for seconds on a busy machine, must not find what it wants gone."""
PER_ROUND = 10
PATIENCE = 60.0
BRIEF, SHORT, LONG, SELDOM = (0.1, 0.7), (0.1, 1.5), (4.0, 8.0), 0.1
PINGABLE = ("--grpc-keepalive-min-time=100ms",)


class World:
    """An etcd, the way to it, and a database for each arbiter."""

    def __init__(
        self, directory: Path, children: Processes, server: EtcdServer, patience: float
    ) -> None:
        self.server, self.children = server, children
        self.network = Network(children, server.endpoint)
        self.backups = Backups(server, directory)
        self._emptied = 0
        self._options: Options = replace(with_grace(GRACE), poll=POLL)
        self.places = {
            arbiter: EtcdPlace(
                directory=directory / arbiter,
                options=self._options,
                window=ALIVE,
                arbiter=arbiter,
                endpoint=self.network.endpoint,
                prefix=f"/{arbiter}/",
                patience=patience,
            )
            for arbiter in ARBITERS
        }
        for place in self.places.values():
            place.directory.mkdir()

    def with_empty_store(self, place: EtcdPlace) -> EtcdPlace:
        """Return the same database beside an etcd that knows nothing of it."""
        self._emptied += 1
        return replace(place, prefix=f"/empty/{self._emptied}/")


class Fault:
    """What happens to etcd in one cycle."""

    def __init__(self, world: World, chance: random.Random, longest: bool) -> None:
        self._world, self._server, self._chance = world, world.server, chance
        self._longest = longest

    def happen(self, fault: str) -> float:
        """Let it happen; return when etcd was there again."""
        if fault in ("wiped", "put back", "killed"):
            self._dead(fault)
        elif fault == "paused":
            self._server.pause()
            self._last()
            self._server.resume()
        elif fault == "compacted":
            self._compacted()
        else:
            self._world.network.say(CUT[fault])
            self._last()
            self._world.network.say("heal")
        self._server.await_health()
        return time.monotonic()

    def _dead(self, fault: str) -> None:
        self._server.kill()
        if fault == "wiped":
            self._server.wipe()
        elif fault == "put back":
            self._world.backups.put_back()
        self._last()
        self._server.start()

    def _compacted(self) -> None:
        """Under watches that are there, or that come back and find what they missed gone."""
        cut = self._chance.random() < 0.5
        if cut:
            self._world.network.say("refuse")
            for place in self._world.places.values():
                self._server.call("kv/put", key=f"{place.prefix}datamanager/head-".encode())
        self._server.compact(self._server.revision())
        if cut:
            self._world.network.say("heal")

    def _last(self) -> None:
        """The fault lasts: its length is what is random."""
        lengths = BRIEF
        if self._longest:
            lengths = LONG if self._chance.random() < SELDOM else SHORT
        time.sleep(self._chance.uniform(*lengths))


class Campaign:
    """Cycles on one database."""

    def __init__(self, world: World, place: EtcdPlace, chance: random.Random, fault: Fault) -> None:
        self._world, self._place, self._chance = world, place, chance
        self._children, self._fault = world.children, fault
        self.judge = EtcdJudge(watchers=(*NAMES, LISTENER))
        self.times: dict[str, list[dict[str, float]]] = defaultdict(list)

    def round(self, faults: list[str]) -> None:
        """Let these faults happen under two processes."""
        others = dict(zip((*NAMES, LISTENER), (*NAMES[::-1], ""), strict=True))
        running = {name: self._start(name, other) for name, other in others.items()}
        self._until_ready(time.monotonic(), list(running.values()))
        for fault in faults:
            self._cycle(fault, list(running.values()))
        for name, child in running.items():
            self._children.kill(child)
            self.judge.hear(self._place.journal(name))
        self.judge.successes.clear()
        self.judge_anew()

    def _cycle(self, fault: str, running: list[int]) -> None:
        self._hear()
        self.judge.begin()
        began = time.monotonic()
        back = self._fault.happen(fault)
        found = self._until_ready(back, running)
        found["pause"] = self.judge.longest_pause(began, back)
        if self._place.arbiter == "storage":
            assert not self.judge.blind, self.judge.blind[:3]
        self.times[fault].append(found)
        self._stand_still(running)

    def _stand_still(self, running: list[int]) -> None:
        """Judge while nobody moves."""
        for child in running:
            os.kill(child, signal.SIGSTOP)
        for child in running:
            assert self._children.stopped(child, PATIENCE)
        self._hear()
        self.judge.judge_times()
        self._judge(self._ways()[0])
        for child in running:
            os.kill(child, signal.SIGCONT)

    def judge_anew(self) -> None:
        """Open the database anew, beside this etcd and beside an empty one."""
        self._judge(*self._ways())

    def _ways(self) -> list[EtcdPlace]:
        ways = [self._place, self._world.with_empty_store(self._place)]
        return self._chance.sample(ways, 2)

    def _judge(self, *ways: EtcdPlace) -> None:
        for place in ways:
            child = self._children.fork(lambda place=place: self.judge.judge(place))
            assert self._children.wait(child) == 0, f"not as it must be: see above ({place.prefix})"
        self.judge.judged()

    def _until_ready(self, since: float, running: list[int]) -> dict[str, float]:
        while True:
            self._hear()
            found = self.judge.ready(since)
            if found is not None and len(self.judge.successes) == THREADS:
                return found
            for child in running:
                self._children.check(child)
            waited = time.monotonic() - since
            assert waited < PATIENCE, f"not ready: {self.judge.successes}"
            time.sleep(0.005)

    def _hear(self) -> None:
        for name in (*NAMES, LISTENER):
            with suppress(FileNotFoundError):
                self.judge.hear(self._place.journal(name))

    def _start(self, name: str, other: str) -> int:
        seed = f"{self._chance.getrandbits(48):x}"

        def run() -> None:
            journal = TimedJournal(self._place.journal(name))
            database = self._place.open()
            database.start()
            worker = EtcdWorker(database, journal, name, other, seed)
            worker.run() if other else worker.listen()

        return self._children.fork(run)


def late(arbiter: str, fault: str, found: dict[str, float], limit: float, patience: float) -> bool:
    """Whether it took longer than allowed.

    Nobody learns that a connection is dead that swallows everything: a request
    on it must be given up first, and be begun before that.
    """
    given_up = patience if fault == "blackholed" else 0.0
    allowed = {"commit": limit + given_up, "read": limit + given_up}
    allowed["event"] = limit + (given_up and max(POLL, given_up + POLL * (arbiter == "kv")))
    if arbiter == "storage":  # the storage decides: etcd is not asked
        allowed |= {"commit": limit, "read": limit, "pause": limit}
    return any(found[kind] > most for kind, most in allowed.items())


def told(arbiter: str, fault: str, times: list[dict[str, float]]) -> str:
    """Return a line of a table: median and worst by kind."""
    cells = []
    for kind in (*KINDS, "pause"):
        all_of_them = [each[kind] for each in times]
        cells.append(f"{median(all_of_them):6.2f} {max(all_of_them):6.2f}")
    return f"{arbiter:8} {fault:11} {len(times):5}  " + "  ".join(cells)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100, help="of each fault")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="default: all")
    parser.add_argument("--arbiter", choices=ARBITERS, action="append", help="default: both")
    parser.add_argument("--seed", type=int, default=20260603)
    parser.add_argument("--patience", type=float, default=5.0, help="request_timeout")
    parser.add_argument("--limit", type=float, default=2.0, help="seconds until all goes on")
    parser.add_argument(
        "--long", action="store_true", help="faults last longer, some for many seconds"
    )
    parser.add_argument("--directory", type=Path, default=quick_directory())
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # and take etcd along
    print(f"seed {given.seed}, {given.cycles} cycles", flush=True)
    chance = random.Random(given.seed)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(dir=given.directory) as name,
        processes() as children,
        EtcdServer(Path(name) / "etcd", arguments=PINGABLE) as server,
    ):
        world = World(Path(name), children, server, given.patience)
        server.kill()
        world.backups.take()
        server.start()
        fault = Fault(world, chance, given.long)
        campaigns = {
            arbiter: Campaign(world, place, chance, fault)
            for arbiter, place in world.places.items()
            if arbiter in (given.arbiter or ARBITERS)
        }
        left = [each for each in given.fault or FAULTS for _ in range(given.cycles)]
        chance.shuffle(left)
        arbiters, turn = given.arbiter or ARBITERS, 0
        while left:
            campaign = campaigns[arbiters[turn % len(arbiters)]]
            some = min(PER_ROUND, -(-len(left) // 2) if turn % 2 == 0 else len(left))
            now, left = left[:some], left[some:]
            turn += 1
            campaign.round(now)
            acknowledged = sum(each.judge.acknowledged for each in campaigns.values())
            print(
                f"{len(left)} cycles left, {acknowledged} commits acknowledged, "
                f"{sum(each.judge.unknown for each in campaigns.values())} of unknown outcome, "
                f"{time.monotonic() - began:.1f} s",
                flush=True,
            )
        server.kill()
        server.wipe()
        server.start()
        for campaign in campaigns.values():
            campaign.judge_anew()
    print("seconds, median and worst: until commits, fresh reads, events of others went on after")
    print("etcd was back; longest pause of a committing thread meanwhile")
    slow = 0
    for arbiter, campaign in campaigns.items():
        for name, times in sorted(campaign.times.items()):
            print(told(arbiter, name, times), flush=True)
            for found in times:
                if late(arbiter, name, found, given.limit, given.patience):
                    slow += 1
                    print(f"too late: {found}", flush=True)
    return slow > 0


if __name__ == "__main__":
    sys.exit(main())
