"""Real etcd servers for tests and benchmarks: on free ports of the loopback, in a directory of their own.

Imports nothing of ours, and administers by etcd's JSON gateway, so that it is a witness too.
"""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

__all__ = ["PATIENCE", "EtcdCluster", "EtcdServer", "TlsFiles", "free_port", "make_tls"]

PATIENCE = 20.0
"""Seconds after which a server that should be there is held not to come."""

_QUICK = ("--heartbeat-interval=10", "--election-timeout=100")
"""For one member: it needs nobody to be elected, but waits for the time."""

_STABLE = ("--heartbeat-interval=50", "--election-timeout=500")
"""For several, which must not lose their leader because the machine is busy."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate authority, and what it certified for the server and for a client."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


class EtcdServer:
    """A member of a cluster, by default of one.

    :param directory: for its data and its log; made when absent.
    :param tls: serve clients over TLS, and ask them for a certificate.
    :param arguments: more of them for the command line.
    """

    def __init__(
        self,
        directory: Path,
        *,
        name: str = "m0",
        tls: TlsFiles | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.data, self.log = directory, directory / "data", directory / "log"
        self.name, self.tls, self.arguments = name, tls, tuple(arguments)
        self.port, self.peer_port = free_port(), free_port()
        self.peers = self.peer
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def peer(self) -> str:
        """The member as ``--initial-cluster`` names it."""
        return f"{self.name}=http://127.0.0.1:{self.peer_port}"

    def start(self, *, wait: bool = True) -> Self:
        """Start the process, and wait until it serves."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        if wait:
            self.await_health()
        return self

    def stop(self) -> None:
        """End it in order. Idempotent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """``kill -9``. Idempotent."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill it and start it again on the same data."""
        self.kill()
        self.start()

    def wipe(self) -> None:
        """Forget all data. It must not run."""
        shutil.rmtree(self.data)

    def copy_data(self, target: Path) -> None:
        """Copy the data aside. It must not run."""
        shutil.copytree(self.data, target)

    def put_data_back(self, source: Path) -> None:
        """Replace the data by a copy. It must not run."""
        self.wipe()
        shutil.copytree(source, self.data)

    def call(self, path: str, token: str = "", **fields: Any) -> Any:
        """Call the JSON gateway: ``call("kv/compaction", revision=5)``; bytes are encoded."""
        body = json.dumps({name: _encoded(value) for name, value in fields.items()}).encode()
        headers = {"Authorization": token} if token else {}
        request = urllib.request.Request(f"{self._url}/v3/{path}", body, headers)
        with self._open(request) as answer:
            return json.load(answer)

    def revision(self) -> int:
        """Return the store's revision."""
        return int(self.call("kv/range", key=b"\0")["header"]["revision"])

    def compact(self, revision: int) -> None:
        """Compact as an operator does."""
        self.call("kv/compaction", revision=revision, physical=True)

    def leads(self) -> bool:
        """Whether this member is the leader."""
        status = self.call("maintenance/status")
        return bool(status["header"]["member_id"] == status.get("leader"))

    def enable_auth(self, user: str, password: str, prefix: str) -> None:
        """Switch authentication on: ``root`` (password ``root``), and a user for all below ``prefix``."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self.call("auth/user/add", name="root", password="root")
        self.call("auth/role/add", name="root")
        self.call("auth/user/grant", user="root", role="root")
        self.call("auth/user/add", name=user, password=password)
        self.call("auth/role/add", name=user)
        permission = {
            "permType": "READWRITE",
            "key": _encoded(prefix.encode()),
            "range_end": _encoded(end.encode()),
        }
        self.call("auth/role/grant", name=user, perm=permission)
        self.call("auth/user/grant", user=user, role=user)
        self.call("auth/enable")

    def await_health(self) -> None:
        """Wait until it serves.

        :raises RuntimeError: it ended, or took too long; with the end of its log.
        """
        deadline = time.monotonic() + PATIENCE
        while not self._healthy():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"etcd does not serve:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def _url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"

    def _command(self) -> list[str]:
        url, peer = self._url, self.peer.partition("=")[2]
        command = ["etcd", f"--name={self.name}", f"--data-dir={self.data}"]
        command += [f"--listen-client-urls={url}", f"--advertise-client-urls={url}"]
        command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
        command += [f"--initial-cluster={self.peers}", "--logger=zap", "--log-level=warn"]
        if self.tls:
            command += [f"--cert-file={self.tls.server_cert}", f"--key-file={self.tls.server_key}"]
            command += [f"--trusted-ca-file={self.tls.ca}", "--client-cert-auth"]
        return [*command, *_QUICK, *self.arguments]

    def _healthy(self) -> bool:
        try:
            with self._open(urllib.request.Request(f"{self._url}/health")) as answer:
                return bool(json.load(answer)["health"] == "true")
        except (OSError, urllib.error.URLError):
            return False

    def _open(self, request: urllib.request.Request) -> Any:
        handlers: list[Any] = [urllib.request.ProxyHandler({})]
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.tls.ca))
            context.load_cert_chain(self.tls.client_cert, self.tls.client_key)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers).open(request, timeout=PATIENCE)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(PATIENCE)
            self._process = None


class EtcdCluster:
    """Several members on the loopback."""

    def __init__(
        self,
        directory: Path,
        *,
        size: int = 3,
        tls: TlsFiles | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.members = [
            EtcdServer(
                directory / f"m{number}",
                name=f"m{number}",
                tls=tls,
                arguments=(*_STABLE, *arguments),
            )
            for number in range(size)
        ]
        for member in self.members:
            member.peers = ",".join(each.peer for each in self.members)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """``host:port`` of every member."""
        return tuple(member.endpoint for member in self.members)

    def leader_first(self) -> list[EtcdServer]:
        """Return the members, the one that leads before the others."""
        return sorted(self.members, key=lambda member: not member.leads())

    def __enter__(self) -> Self:
        for member in self.members:
            member.start(wait=False)
        for member in self.members:
            member.await_health()
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.kill()


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_tls(directory: Path) -> TlsFiles:
    """Make an authority and two certificates, with the command `openssl`."""
    directory.mkdir(parents=True, exist_ok=True)
    _make_authority(directory)
    for name in ("server", "client"):
        _make_certificate(directory, name)
    names = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
    return TlsFiles(*(directory / name for name in names))


def _make_authority(directory: Path) -> None:
    _openssl(directory, "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=test-authority "
             "-keyout ca.key -out ca.pem")  # fmt: skip


def _make_certificate(directory: Path, name: str) -> None:
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _openssl(directory, f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key "
             f"-out {name}.csr")  # fmt: skip
    _openssl(directory, f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
             f"-days 3650 -extfile names -out {name}.pem")  # fmt: skip


def _openssl(directory: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=directory, check=True, capture_output=True)


def _encoded(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
