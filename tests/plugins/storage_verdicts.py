"""The conformance kit's verdicts: every storage on every server, as a table.

``python -m tests.plugins.storage_verdicts [NAME…]`` runs each of them (minutes;
those whose server is missing are said to be), and prints Markdown. The same
checks run in the suite, where the exceptions are named with the observation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ostler.spi.info import load_reference
from ostler.spi.storage import StorageDriver
from ostler.testing.report import Report
from ostler.testing.storage import OpenDriver, run_conformance

from ..ceph_server import CephServer
from ..s3_servers import MotoServer, S3Server, SeaweedServer
from ..sftp_server import SftpServer
from .fsspec.conftest import s3_options, sftp_options

_SERVERS: Mapping[str, type[S3Server]] = {
    "moto": MotoServer,
    "SeaweedFS": SeaweedServer,
    "Ceph": CephServer,
}


def _opener(package: str, kind: str, settings: str, **fields: Any) -> OpenDriver:
    model = load_reference(f"{package}.{settings}").model_validate(fields)
    factory: Callable[[Any], StorageDriver] = load_reference(f"{package}.{kind}")
    return lambda: factory(model)


def _posix(kind: str, path: Path) -> OpenDriver:
    return _opener("ostler_posix", kind, "settings:PosixSettings", path=str(path))


def _s3(server: S3Server) -> OpenDriver:
    return _opener(
        "ostler_s3",
        "driver:open_driver",
        "settings:S3Settings",
        bucket=server.make_bucket(f"v-{uuid.uuid4().hex[:20]}"),
        endpoint_url=server.endpoint_url,
        region=server.region,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        stale_upload_age=86_400 if server.knows_age_of_uploads else 0,
    )


def _fsspec(protocol: str, path: str, options: Mapping[str, Any]) -> OpenDriver:
    return _opener(
        "ostler_fsspec",
        "driver:open_driver",
        "settings:FsspecSettings",
        protocol=protocol,
        path=path,
        options=options,
    )


def _fsspec_s3(server: S3Server) -> OpenDriver:
    return _fsspec("s3", server.make_bucket(f"v-{uuid.uuid4().hex[:20]}"), s3_options(server))


def _candidates(path: Path) -> Mapping[tuple[str, str], Callable[[], Report]]:
    """Return what can be checked: (storage, where) → the check, which starts the server it needs."""

    def local(opened: OpenDriver) -> Callable[[], Report]:
        return lambda: run_conformance(opened)

    def on(server: Any, opened: Callable[[Any], OpenDriver]) -> Callable[[], Report]:
        def check() -> Report:
            if missing := server.missing():
                raise LookupError(missing)
            with server(path / uuid.uuid4().hex) as started:
                return run_conformance(opened(started))

        return check

    def sftp(server: SftpServer) -> OpenDriver:
        return _fsspec("sftp", f"127.0.0.1{path}/sftp-files", sftp_options(server))

    fsspec_memory = _fsspec("memory", f"/{uuid.uuid4().hex}", {})
    memory = _opener("ostler_memory", "driver:MemoryStorage", "driver:MemorySettings")
    return {
        ("memory", "this process"): local(memory),
        ("posix", "a directory"): local(_posix("driver:PosixStorage", path / "posix")),
        ("posixflat", "a directory"): local(_posix("flat:PosixFlatStorage", path / "flat")),
        **{("s3", name): on(server, _s3) for name, server in _SERVERS.items()},
        ("fsspec+memory", "this process"): local(fsspec_memory),
        ("fsspec+file", "a directory"): local(_fsspec("file", str(path / "file"), {})),
        ("fsspec+sftp", "OpenSSH"): on(SftpServer, sftp),
        **{("fsspec+s3", name): on(server, _fsspec_s3) for name, server in _SERVERS.items()},
    }


def _row(storage: str, where: str, check: Callable[[], Report]) -> str:
    began = time.monotonic()
    try:
        report = check()
    except LookupError as error:
        return f"| {storage} | {where} | not run: {error} | | |"
    failed = [
        f"`{item.name}`: {item.message.splitlines()[0]}" for item in report.results if not item.ok
    ]
    passed = f"{len(report.results) - len(failed)} of {len(report.results)}"
    took = f"{time.monotonic() - began:.0f} s"
    return f"| {storage} | {where} | {passed} | {took} | {'; '.join(failed)[:300]} |"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="storages or servers; all when none is named")
    names = parser.parse_args(arguments).names
    print(
        "| storage | where | checks passed | took | what failed |\n| --- | --- | --- | --- | --- |"
    )
    with tempfile.TemporaryDirectory() as directory:
        for (storage, where), check in _candidates(Path(directory)).items():
            if not names or storage in names or where in names:
                print(_row(storage, where, check), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
