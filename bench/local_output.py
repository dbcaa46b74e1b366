"""A step that prints much, through the local executor: MB/s, and what the process grows by.

By a descriptor (the log's file goes to the process), through this process, and
from a terminal. Run it: ``python bench/local_output.py [MiB]``.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from ostler.pods import EventCancel, Executor
from ostler.spi import ExecConfig, ExecutorContext, Pod, PodConfig
from ostler_local.driver import open_driver
from ostler_local.settings import LocalSettings

MIB = 1 << 20
GOAL = 100


class Log:
    """A step's log in a file, with its descriptor made known or not."""

    def __init__(self, descriptor: int, *, direct: bool) -> None:
        self._descriptor = descriptor
        self._direct = direct

    def write(self, data: bytes, /) -> object:
        return os.write(self._descriptor, data)

    def descriptor(self) -> int | None:
        return self._descriptor if self._direct else None


def main(size: int) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        context = ExecutorContext(executor_id="bench", directory=directory)
        executor = Executor(open_driver(LocalSettings(), context), name="local")
        executor.setup()
        pod = executor.new_pod(
            PodConfig(id="p", task_id="p"),
            Log(os.open(os.devnull, os.O_WRONLY), direct=False),
            EventCancel(),
        )
        try:
            for name, direct, tty in (
                ("descriptor", True, False),
                ("pump", False, False),
                ("terminal", False, True),
            ):
                measure(pod, f"{directory}/log", name, size, direct=direct, tty=tty)
        finally:
            pod.remove()
            executor.close()


def measure(pod: Pod, path: str, name: str, size: int, *, direct: bool, tty: bool) -> None:
    script = f"yes 'a line of sixty-three characters, as a compiler would print it ...' | head -c {size * MIB}"
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    before = peak()
    began = time.perf_counter()
    running = pod.exec(
        ExecConfig(
            argv=["/bin/sh", "-e"],
            script=script.encode(),
            tty=tty,
            output=Log(log, direct=direct),
        )
    )
    code = running.wait()
    took = time.perf_counter() - began
    written = os.fstat(log).st_size
    os.close(log)
    os.unlink(path)
    rate = size * MIB / took / 1e6
    whole = "whole" if (code, written) == (0, size * MIB) else f"NOT WHOLE ({code}, {written})"
    verdict = "ok" if rate >= GOAL else "MISSED"
    print(
        f"{size} MiB by {name}: {rate:,.0f} MB/s (goal >= {GOAL}) {verdict}; {whole}; "
        f"grew by {(peak() - before) / 1024:.1f} MiB",
        flush=True,
    )


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
