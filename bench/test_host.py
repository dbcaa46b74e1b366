"""What the host costs: finding the plugins, loading them, calling a hook."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ostler.host import Host
from ostler.host._specs import new_manager


@pytest.mark.benchmark(group="discovery")
def test_discover(benchmark: BenchmarkFixture) -> None:
    benchmark(Host.discover)


@pytest.mark.benchmark(group="discovery")
def test_discover_peer_entry_points(benchmark: BenchmarkFixture) -> None:
    benchmark(lambda: metadata.entry_points(group="ostler.plugins"))


@pytest.mark.benchmark(group="hook call")
def test_call(benchmark: BenchmarkFixture) -> None:
    host = Host.discover().load()
    benchmark(lambda: host.call("ostler_run_event", event=None))


@pytest.mark.benchmark(group="hook call")
def test_call_peer_pluggy(benchmark: BenchmarkFixture) -> None:
    manager = new_manager()
    benchmark(lambda: manager.hook.ostler_run_event(event=None))


@pytest.mark.benchmark(group="first load, in a new process")
def test_load(benchmark: BenchmarkFixture) -> None:
    script = "from ostler.host import Host; Host.discover().load()"
    benchmark.pedantic(subprocess.run, ([sys.executable, "-c", script],), {"check": True}, rounds=5)


@pytest.mark.benchmark(group="first load, in a new process")
def test_load_peer_import_pydantic(benchmark: BenchmarkFixture) -> None:
    command = [sys.executable, "-c", "import pydantic"]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=5)
