"""A database whose key-value store is a real etcd, and what may happen to that one."""

from __future__ import annotations

import shutil
import socket
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from processes import Processes
from workload import Place, Wrap

from ostler.datamanager import Datamanager
from ostler.spi import KvDriver

sys.path.append(str(Path(__file__).parents[1]))
from etcd_server import EtcdServer
from tcp_proxy import TcpProxy

ARBITERS = ("storage", "kv")


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdPlace(Place):
    """A database, and the etcd beside it.

    :param endpoint: ``host:port`` of etcd.
    :param prefix: of all keys.
    :param patience: seconds until a request that is not answered is given up.
    """

    endpoint: str
    prefix: str
    patience: float

    def open(self, wrap: Wrap | None = None) -> Datamanager:
        database = Place.open(self, wrap)
        assert database.status().arbiter == self.arbiter
        return database

    def store(self) -> KvDriver:
        # Only children open one: gRPC does not survive a fork.
        from ostler_etcd.driver import open_driver
        from ostler_etcd.settings import EtcdSettings

        endpoint, patience = (self.endpoint,), self.patience
        return open_driver(
            EtcdSettings(
                endpoints=endpoint,
                prefix=self.prefix,
                request_timeout=patience,
                dial_timeout=patience / 5,  # as the defaults are to each other
            )
        )


class Network:
    """A `TcpProxy` in a process of its own, for it has threads."""

    def __init__(self, children: Processes, target: str) -> None:
        self._children = children
        self._near, far = socket.socketpair()
        self._child = children.fork(lambda: _forward(far, target))
        far.close()
        self.endpoint = self._near.recv(64).decode()

    def say(self, what: str) -> None:
        """``refuse``, ``swallow`` or ``heal``; done when this returns."""
        self._near.sendall(what.encode())
        assert self._near.recv(1) == b".", "the proxy failed"

    def end(self) -> None:
        """End the process."""
        self._children.kill(self._child)
        self._near.close()


def _forward(orders: socket.socket, target: str) -> None:
    with TcpProxy(target) as proxy:
        orders.sendall(proxy.endpoint.encode())
        while order := orders.recv(16):
            getattr(proxy, order.decode())()
            orders.sendall(b".")


class Backups:
    """Copies of a server's data, the newest few.

    :param directory: where they lie.
    """

    def __init__(self, server: EtcdServer, directory: Path, kept: int = 4) -> None:
        self._server, self._directory = server, directory
        self._kept, self._number = kept, 0
        self._copies: deque[Path] = deque()

    def take(self) -> None:
        """Copy the data of the server, which must not run."""
        self._number += 1
        self._copies.append(self._directory / f"backup-{self._number}")
        self._server.copy_data(self._copies[-1])

    def put_back(self) -> None:
        """Copy the data of the server, which must not run, and replace it by the oldest copy."""
        self.take()
        self._server.put_data_back(self._copies[0])
        if len(self._copies) > self._kept:
            shutil.rmtree(self._copies.popleft())
