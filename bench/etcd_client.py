"""The etcd plugin against `etcd3` 0.12 on the same server: prints both and the ratio.

Each client is a process of its own, since `etcd3` needs the pure-Python protobuf; both wait for
lines and work in turns. A transaction compares a key and writes two. The server keeps its data
on the disk that the first argument lies on (default: here), with its usual fsync.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ratio import compare

VALUE = b"x" * 300
CALLS = 1000
ROUNDS = 9
Work = Callable[[int, int], Any]


def ours(host: str, port: str) -> dict[str, Work]:
    """Return the calls of the driver, each for a thread and a turn."""
    from ostler.spi import Compare, Put, Target
    from ostler_etcd.driver import open_driver
    from ostler_etcd.settings import EtcdSettings

    driver = open_driver(EtcdSettings(endpoints=(f"{host}:{port}",)))
    absent = [Compare("held", Target.CREATE_REVISION, 0)]

    def txn(thread: int, turn: int) -> None:
        puts = [Put(_key(kind, thread, turn), VALUE) for kind in ("ours/run", "ours/task")]
        assert driver.txn(absent, puts, []).succeeded

    return {
        "put": lambda thread, turn: driver.txn([], [Put(_key("ours", thread, turn), VALUE)], []),
        "get": lambda thread, turn: driver.get(_key("ours", thread, turn)),
        "txn": txn,
    }


def peer(host: str, port: str) -> dict[str, Work]:
    """Return the same calls of `etcd3`."""
    import etcd3

    client = etcd3.client(host=host, port=int(port))
    make = client.transactions

    def txn(thread: int, turn: int) -> None:
        puts = [make.put(_key(kind, thread, turn), VALUE) for kind in ("peer/run", "peer/task")]
        done, _ = client.transaction(compare=[make.create("held") == 0], success=puts, failure=[])
        assert done

    return {
        "put": lambda thread, turn: client.put(_key("peer", thread, turn), VALUE),
        "get": lambda thread, turn: client.get(_key("peer", thread, turn)),
        "txn": txn,
    }


def _key(kind: str, thread: int, turn: int) -> str:
    return f"{kind}/{thread}/{turn % 50}"


def serve(calls: dict[str, Work]) -> None:
    """Do what each line of standard input says; tell calls per second and microseconds of CPU each."""
    for line in sys.stdin:
        name, threads = line.split()
        print(*_rate(calls[name], int(threads)), flush=True)


def _rate(call: Work, threads: int) -> tuple[float, float]:
    share = CALLS // threads

    def work(thread: int) -> None:
        for turn in range(share):
            call(thread, turn)

    started = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    began, spent = time.perf_counter(), _processor_time()
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    done = share * threads
    took = time.perf_counter() - began
    return done / took, (_processor_time() - spent) / done * 1e6


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Client:
    """One side's process."""

    def __init__(self, side: str, endpoint: str) -> None:
        environment = dict(os.environ)
        if side == "peer":
            environment["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
        command = [sys.executable, __file__, side, *endpoint.split(":")]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=environment
        )
        self.costs: list[float] = []

    def rate(self, name: str, threads: int) -> float:
        """Have it work; return calls per second, and keep what they cost the processor."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(name, threads, file=self.process.stdin, flush=True)
        rate, cost = map(float, self.process.stdout.readline().split())
        self.costs.append(cost)
        return rate


def main(where: str) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from etcd_server import EtcdServer

    with (
        tempfile.TemporaryDirectory(dir=where, prefix=".bench-etcd-") as directory,
        EtcdServer(Path(directory)) as server,
    ):
        sides = [Client(side, server.endpoint) for side in ("ours", "peer")]
        for name, threads, goal in (
            ("put", 1, 1.2),
            ("put", 16, 1.0),
            ("get", 1, 1.0),
            ("txn", 1, 1.0),
            ("txn", 16, 1.8),
        ):
            mine, other = (partial(side.rate, name, threads) for side in sides)
            title = f"{name}/s from {threads} threads"
            compare(title, mine, other, rounds=ROUNDS, goal=goal, better="higher")
            costs = [sorted(side.costs)[len(side.costs) // 2] for side in sides]
            print("  us of CPU each: ours {:.0f}, peer {:.0f}".format(*costs))
            for side in sides:
                side.costs.clear()
        for side in sides:
            side.process.kill()
            side.process.communicate()


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["peer"]):
        serve({"ours": ours, "peer": peer}[sys.argv[1]](*sys.argv[2:]))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else ".")
