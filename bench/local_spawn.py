"""The local executor against bare `subprocess.run`: one pod, one script, removal, over and over from 8 threads.

Prints tasks per second of both sides, taken in turns, and the CPU time that a
task costs each process. Run it: ``python bench/local_spawn.py [tasks]``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ratio import compare

from ostler.pods import EventCancel, Executor
from ostler.spi import ExecConfig, ExecutorContext, PodConfig
from ostler_local.driver import LocalDriver, open_driver
from ostler_local.settings import LocalSettings

THREADS = 8


class FileOutput:
    """A step's log: a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes, /) -> object:
        return os.write(self._descriptor, data)

    def descriptor(self) -> int | None:
        return self._descriptor


def main(tasks: int) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        driver = open_driver(
            LocalSettings(), ExecutorContext(executor_id="bench", directory=directory)
        )
        executor = Executor(driver, name="local")
        executor.setup()
        log = os.open(f"{directory}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for tty in (True, False):
                compare(
                    f"pod, /bin/sh -e script, removal, from {THREADS} threads, tty={tty}",
                    lambda tty=tty: rate(
                        tasks, lambda name: task(executor, FileOutput(log), name, tty)
                    ),
                    lambda: rate(tasks, bare),
                    rounds=5,
                    goal=0.5,
                    better="higher",
                )
                costs(driver, executor, FileOutput(log), tasks, tty)
        finally:
            executor.close()
            os.close(log)


def task(executor: Executor, output: FileOutput, name: str, tty: bool) -> None:
    pod = executor.new_pod(PodConfig(id=name, task_id=name), output, EventCancel())
    directory = pod.directory("~/project", environment={}, user="", create=True)
    step = pod.exec(
        ExecConfig(
            argv=["/bin/sh", "-e"], script=b"true\n", working_dir=directory, tty=tty, output=output
        )
    )
    assert step.wait() == 0
    pod.remove()


def bare(_name: str) -> None:
    subprocess.run(["/bin/sh", "-c", "true"], check=True)


def rate(tasks: int, work: Callable[[str], None]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, [f"task-{number}" for number in range(tasks)]))
    return tasks / (time.perf_counter() - began)


def costs(
    driver: LocalDriver, executor: Executor, output: FileOutput, tasks: int, tty: bool
) -> None:
    supervisor = driver.supervisor_pid
    before = (time.process_time(), cpu(supervisor))
    rate(tasks, lambda name: task(executor, output, name, tty))
    spent = (time.process_time() - before[0], cpu(supervisor) - before[1])
    main, lean = (1e3 * seconds / tasks for seconds in spent)
    print(f"  CPU per task: this process {main:.3f} ms, supervisor {lean:.3f} ms", flush=True)


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
