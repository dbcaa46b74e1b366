from __future__ import annotations

import subprocess
import sys

import pytest

PLUGINS = "configfiles etcd fsspec local memory posix s3 sqlite steps"


def _modules_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_importing_ostler_imports_nothing_else_of_ours() -> None:
    ours = {name for name in _modules_after("import ostler") if name.startswith("ostler")}
    assert ours == {"ostler"}


def test_importing_the_interface_costs_nothing_heavy() -> None:
    loaded = _modules_after("import ostler.spi, ostler.errors")
    assert loaded & {"pydantic", "pluggy", "click", "rich", "yaml"} == set()


@pytest.mark.parametrize("name", PLUGINS.split())
def test_a_declaration_imports_no_driver(name: str) -> None:
    loaded = _modules_after(f"import ostler_{name}")
    assert (
        loaded
        & {
            "sqlite3",
            "botocore",
            "fsspec",
            "obstore",
            "s3fs",
            "grpc",
            "google.protobuf",
            "subprocess",
            "yaml",
            "rich",
            "click",
            "tarfile",
        }
        == set()
    )


@pytest.mark.parametrize("name", PLUGINS.split())
def test_a_declaration_imports_no_other_plugin(name: str) -> None:
    loaded = _modules_after(f"import ostler_{name}")
    others = {f"ostler_{other}" for other in PLUGINS.split() if other != name}
    assert loaded & others == set()


@pytest.mark.parametrize("module", ["ostler.host", "ostler.settings"])
def test_the_framework_imports_no_plugin(module: str) -> None:
    plugins = {item for item in _modules_after(f"import {module}") if item.startswith("ostler_")}
    assert plugins == set()


@pytest.mark.parametrize("module", ["ostler.cli", "ostler.compose", "ostler.testing"])
def test_nothing_but_the_file_system_imports_fsspec(module: str) -> None:
    assert "fsspec" not in _modules_after(f"import {module}")


def test_importing_the_fault_proxy_imports_no_server() -> None:
    loaded = _modules_after("import ostler.testing.faults")
    assert loaded & {"uvicorn", "h11"} == set()
