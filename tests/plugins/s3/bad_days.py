"""A storage whose server has bad days, and a witness who goes to the server directly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ostler.clock import SystemClock
from ostler.ost import ObjectStorage
from ostler.retry import RetryPolicy
from ostler.testing.faults import FaultProxy, Plan

from .conftest import Connect, Place

PART = 5 << 20
_QUICK = RetryPolicy(attempts=6, first=0.01, longest=0.1)
ONCE = RetryPolicy(attempts=1)


@dataclass
class Bad:
    """``storage`` tries again as everybody's does; ``impatient`` and its driver never do."""

    place: Place
    proxy: FaultProxy
    storage: ObjectStorage
    impatient: ObjectStorage

    def during(self, plan: Plan | None) -> None:
        self.proxy.log.clear()
        self.proxy.plan = plan


@contextmanager
def bad_days(place: Place, connect: Connect) -> Iterator[Bad]:
    with FaultProxy(place.server.endpoint_url) as proxy:
        options: dict[str, Any] = {
            "endpoint_url": proxy.url,
            "part_size": PART,
            "stale_upload_age": 0,
        }
        storages = [
            ObjectStorage(
                connect(place, **options, retry_timeout=seconds), clock=SystemClock(), retry=retry
            )
            for seconds, retry in [(30, _QUICK), (0, ONCE)]
        ]
        for each in storages:
            assert each.capabilities.exclusive_put  # is tried out before anything goes wrong
        yield Bad(place, proxy, *storages)
