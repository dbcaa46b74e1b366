"""The s3 plugin against obstore, s3fs, boto3 and minio: prints both sides and the ratios.

``s3_storage.py [--only NAME…] [--weed]``: on a stub of a server that costs next to nothing, one that
takes 15 ms and moves 80 MB/s per connection, and one that fails; with ``--weed`` on SeaweedFS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from itertools import count
from pathlib import Path

from ratio import Ratio, Side, compare_many
from s3_peers import CLIENTS, KEYS, MIB, Client

__all__ = ["Place", "Stub", "main"]

DATA = os.urandom(4096)
LARGE = 512 * MIB
LISTED = 5000
MEMORY = 100.0  # MiB above idle
NEW = count()
Goals = Mapping[str, float]


class Place:
    """A bucket of a server, and all clients on it."""

    def __init__(self, endpoint: str, bucket: str = "bench", keys: tuple[str, str] = KEYS) -> None:
        self.endpoint, self.bucket, self.keys = endpoint, bucket, keys

    @cached_property
    def clients(self) -> dict[str, Client]:
        return {
            name: client(self.endpoint, self.bucket, self.keys) for name, client in CLIENTS.items()
        }

    def compare(
        self,
        name: str,
        work: Callable[[Client], float | None],
        goals: Goals,
        rounds: int,
        *,
        warm: bool = True,
    ) -> list[Ratio]:
        """Compare what each client does; more is better."""

        def side(name: str) -> Side:
            return lambda: work(self.clients[name])

        peers = {f", against {peer}": (side(peer), goal) for peer, goal in goals.items()}
        return compare_many(name, side("ours"), peers, rounds=rounds, better="higher", warm=warm)

    def memory(self, client: str, what: str, size: int) -> float:
        """Return the MiB above idle at the peak of a transfer in a process of its own."""
        command = [sys.executable, str(Path(__file__).parent / "s3_memory.py"), client, what]
        command += [str(size // MIB), self.endpoint, self.bucket, *self.keys]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[0])


class Stub(Place):
    """The stub, in a process of its own, until it is closed."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, str(Path(__file__).parent / "s3_stub.py"), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        super().__init__(f"http://127.0.0.1:{int(self.process.stdout.readline())}")

    def counters(self) -> dict[str, int]:
        """Return the requests by kind since they were last asked for."""
        request = urllib.request.Request(f"{self.endpoint}/-/counters", method="DELETE")
        with urllib.request.urlopen(request) as answer:
            found: dict[str, int] = json.load(answer)
        return found

    def __enter__(self) -> Stub:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def small(place: Place) -> Iterator[bool]:
    """4 KiB, one at a time."""

    def put(client: Client) -> None:
        for number in range(50):
            client.put(f"small/{number}", DATA)

    def get(client: Client) -> None:
        for number in range(50):
            assert client.get(f"small/{number}") == DATA

    goals = {"obstore": 1 / 1.15, "s3fs": 4, "boto3": 1, "minio": 1, "fsspec+s3": 1}
    yield from met(place.compare("50 puts of 4 KiB", put, goals, 21))
    yield from met(place.compare("50 gets of 4 KiB", get, goals | {"s3fs": 8}, 21))
    if isinstance(place, Stub):
        yield from requests(place)


def requests(stub: Stub) -> Iterator[bool]:
    for name, client in stub.clients.items():
        stub.counters()
        client.put("small/0", DATA), client.get("small/0")
        asked = {kind: number for kind, number in stub.counters().items() if number}
        print(f"requests of a put and a get, {name}: {asked}", flush=True)
        if name == "ours":
            yield asked == {"put": 1, "get": 1}


def threads(place: Place) -> Iterator[bool]:
    """4 KiB, from 32 threads."""
    with ThreadPoolExecutor(32) as pool:

        def put(client: Client) -> float:
            return rate(pool, lambda number: client.put(f"many/{number}", DATA))

        def get(client: Client) -> float:
            return rate(pool, lambda number: client.get(f"many/{number}"))

        goals = {"obstore": 0.9, "s3fs": 3, "boto3": 1, "minio": 1}
        yield from met(place.compare("puts of 4 KiB from 32 threads", put, goals, 11))
        yield from met(place.compare("gets of 4 KiB from 32 threads", get, goals, 11))


def rate(pool: ThreadPoolExecutor, work: Callable[[int], object]) -> float:
    def share(thread: int) -> None:
        for turn in range(10):
            work(thread * 10 + turn)

    began = time.perf_counter()
    for done in [pool.submit(share, thread) for thread in range(32)]:
        done.result()
    return 320 / (time.perf_counter() - began)


def uploads(place: Place) -> Iterator[bool]:
    """512 MiB whose size is known, as fast as the server can."""
    work = upload(known=True)
    goals = {"obstore": 0.95, "s3fs": 1, "boto3": 1, "minio": 1}
    yield from met(place.compare("put of 512 MiB, MB/s", work, goals, 7))
    yield from memory(place, "upload", LARGE, CLIENTS)


def unknown(place: Place) -> Iterator[bool]:
    """512 MiB whose size is not known."""
    work = upload(known=False)
    goals = {"obstore": 0.95, "s3fs": 8, "boto3": 1, "minio": 1}
    yield from met(place.compare("unknown size, 512 MiB, MB/s", work, goals, 3, warm=False))
    yield from memory(place, "unknown", LARGE, CLIENTS)
    yield from memory(place, "unknown", 900 * MIB, ["ours"])


def downloads(place: Place) -> Iterator[bool]:
    """512 MiB as a stream."""
    next(iter(place.clients.values())).upload("large", LARGE, known=True)

    def work(client: Client) -> float:
        began = time.perf_counter()
        assert client.download("large") == LARGE
        return LARGE / 1e6 / (time.perf_counter() - began)

    goals = dict.fromkeys(("obstore", "s3fs", "boto3", "minio"), 5.0)
    yield from met(place.compare("streamed get of 512 MiB, MB/s", work, goals, 3, warm=False))
    yield from memory(place, "download", LARGE, CLIENTS)


def upload(*, known: bool) -> Callable[[Client], float]:
    def work(client: Client) -> float:
        began = time.perf_counter()
        client.upload(f"large/{next(NEW)}", LARGE, known=known)
        return LARGE / 1e6 / (time.perf_counter() - began)

    return work


def memory(place: Place, what: str, size: int, names: Iterator[str] | object) -> Iterator[bool]:
    for name in names:  # type: ignore[attr-defined]
        found = place.memory(name, what, size)
        print(
            f"memory above idle, {what} of {size // MIB} MiB, {name}: {found:.0f} MiB", flush=True
        )
        if name == "ours":
            yield found <= MEMORY


def listings(place: Place) -> Iterator[bool]:
    """5,000 keys."""
    with ThreadPoolExecutor(16) as pool:
        client = place.clients["obstore"]
        list(pool.map(lambda number: client.put(f"list/{number:05}", b"1"), range(LISTED)))

    def work(client: Client) -> None:
        assert client.count("list/") == LISTED

    goals = {"obstore": 0.9, "s3fs": 6, "boto3": 1, "minio": 1, "fsspec+s3": 1}
    yield from met(place.compare("list of 5,000", work, goals, 11))


def faults(*_: object) -> Iterator[bool]:
    """503 to one request in ten, and three bodies in ten cut: each client on a server of its own."""
    times: dict[str, list[float]] = {name: [] for name in CLIENTS}
    lost: dict[str, dict[str, int]] = {name: {} for name in CLIENTS}
    for seed in range(3):
        for name, client in CLIENTS.items():
            if seed and name not in ("ours", "obstore"):
                continue  # what it loses is known
            with Stub("--fail", "0.1", "--cut", "0.3", "--seed", str(seed)) as stub:
                began = time.perf_counter()
                suffer(client(stub.endpoint, stub.bucket), lost[name])
                times[name].append(time.perf_counter() - began)
    for name, found in lost.items():
        print(f"faults, {name}: {max(times[name]):.1f} s at most, lost: {found or 'nothing'}")
    value = sum(times["ours"]) / sum(times["obstore"])
    print(f"faults, time of ours / obstore: {value:.2f} (goal <= 1.5)", flush=True)
    yield value <= 1.5
    yield not lost["ours"]


def suffer(client: Client, lost: dict[str, int]) -> None:
    size = 24 * MIB

    def attempt(what: str, work: Callable[[], object], expected: object = None) -> None:
        try:
            reason = "" if work() == expected else "other than expected"
        except Exception as error:  # whatever a client gives up with counts, and is told
            reason = type(error).__name__
        if reason:
            lost[f"{what}: {reason}"] = lost.get(f"{what}: {reason}", 0) + 1

    for number in range(60):
        key = f"small/{number}"
        attempt("puts of 60", partial(client.put, key, DATA))
        attempt("gets of 60", partial(client.get, key), DATA)
    for number in range(8):
        key = f"large/{number}"
        attempt("uploads of 8", partial(client.upload, key, size, known=number % 2 == 0))
        attempt("downloads of 8", partial(client.download, key), size)
    attempt("lists", partial(client.count, "small/"), 60)


def met(ratios: list[Ratio]) -> Iterator[bool]:
    return (ratio.met for ratio in ratios)


PARTS: dict[str, tuple[Callable[[Place], Iterator[bool]], str | None]] = {
    "small": (small, ""),
    "threads": (threads, ""),
    "uploads": (uploads, ""),
    "listings": (listings, ""),
    "unknown": (unknown, "--slow"),
    "downloads": (downloads, "--slow"),
    "faults": (faults, None),
}


@contextmanager
def weed() -> Iterator[Place]:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.s3_servers import SeaweedServer

    with (
        tempfile.TemporaryDirectory(prefix="ostler-bench-") as directory,
        SeaweedServer(Path(directory)) as server,
    ):
        keys = (server.access_key, server.secret_key)
        yield Place(server.endpoint_url, server.make_bucket("bench"), keys)


def main(*arguments: str) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--weed", action="store_true")
    given = parser.parse_args(arguments)
    outcomes: list[bool] = []
    with ExitStack() as stack:
        real = stack.enter_context(weed()) if given.weed else None
        for name in given.only:
            part, option = PARTS[name]
            if option is None:
                outcomes += [] if real else part(Place(""))
                continue
            place = real or stack.enter_context(Stub(*filter(None, [option])))
            outcomes += part(place)
    print(f"the machine's load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
