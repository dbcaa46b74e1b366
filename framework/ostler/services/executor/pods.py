"""Pods that nobody looks after."""

from __future__ import annotations

from collections.abc import Container

from ostler.spi.executor import ExecutorDriver

__all__ = ["remove_orphans"]


def remove_orphans(driver: ExecutorDriver, executor_id: str, tasks: Container[str]) -> None:
    """Remove the executor's own pods of none of ``tasks``, and those of siblings that are gone.

    Pods of another executor that is alive are never touched.
    """
    alive = set(driver.executors())
    for pod in driver.pods(all=True):
        info = pod.info
        orphan = (
            info.task_id not in tasks
            if info.executor_id == executor_id
            else info.executor_id not in alive
        )
        if orphan:
            pod.remove()
