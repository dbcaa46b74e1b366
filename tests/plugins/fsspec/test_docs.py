"""What `docs/storage.md` says of each file system is what its driver says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from ostler.spi.storage import Capabilities

from ...s3_servers import S3Server
from ...sftp_server import SftpServer
from . import strange  # noqa: F401 - registers protocols
from .conftest import Open, new_bucket, s3_options, sftp_options

PAGE = Path(__file__).parents[3] / "docs" / "storage.md"
COLUMNS = (
    "atomic_put",
    "exclusive_put",
    "durable_put",
    "ordered_list",
    "consistent_list",
    "flat",
)


def told() -> Mapping[str, tuple[str, ...]]:
    section = PAGE.read_text().partition("\n## fsspec\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z0-9]+) \| (.*) \|$", section, re.MULTILINE)
    return {name: tuple(cells.split(" | "))[: len(COLUMNS)] for name, cells in rows}


def agrees(capabilities: Capabilities, row: tuple[str, ...]) -> bool:
    """Whether each cell is what the driver says; either will do where it is tried out."""
    pairs = zip(COLUMNS, row, strict=True)
    return all(
        cell == "if tried" or getattr(capabilities, name) is (cell == "yes") for name, cell in pairs
    )


def test_local_ones(opened: Open, tmp_path: Path) -> None:
    for name, path in (("memory", uuid.uuid4().hex), ("file", str(tmp_path)), ("http", "h")):
        assert agrees(opened(name, path).capabilities, told()[name]), name


def test_unknown_ones(opened: Open, tmp_path: Path) -> None:
    for driver in (opened("flat", "x", store=uuid.uuid4().hex), opened("strange", str(tmp_path))):
        assert agrees(driver.capabilities, told()["others"])


def test_sftp(opened: Open, sftp_server: SftpServer, tmp_path: Path) -> None:
    driver = opened("sftp", f"127.0.0.1{tmp_path}", **sftp_options(sftp_server))
    assert agrees(driver.capabilities, told()["sftp"])
    assert driver.capabilities.exclusive_put


@pytest.mark.parametrize("kind", ["moto", "seaweed"])
def test_s3(opened: Open, kind: str, request: pytest.FixtureRequest) -> None:
    server: S3Server = request.getfixturevalue(kind)
    driver = opened("s3", new_bucket(server), **s3_options(server))
    assert agrees(driver.capabilities, told()["s3"])
    assert driver.capabilities.exclusive_put


def test_every_row_is_known() -> None:
    assert set(told()) == {"memory", "file", "sftp", "s3", "gs", "http", "others"}
