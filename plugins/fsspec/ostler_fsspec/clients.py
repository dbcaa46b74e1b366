"""Who may use a file system object when: not all of them stand several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

__all__ = ["Client", "Clients"]

T = TypeVar("T")


class Client:
    """One file system object, used by one thread at a time unless it stands more.

    :param fs: an fsspec file system.
    :param lock: held during every call.
    """

    def __init__(self, fs: Any, lock: AbstractContextManager[Any]) -> None:
        self.fs, self.lock = fs, lock
        self.users = 0

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        """Return what the file system's method ``name`` does."""
        return self.run(getattr(self.fs, name), *args, **options)

    def run(self, call: Callable[..., T], *args: Any, **options: Any) -> T:
        """Return what ``call`` does, which uses the file system, or a file open in it."""
        with self.lock:
            return call(*args, **options)


class Clients:
    """The file system objects of a storage: more than one where each is a connection of its own.

    :param connect: makes one.
    :param most: how many there may be, each used by one thread at a time; 0: a single one,
        which all threads share at once.
    :param is_broken: whether one is of no use any more after it has raised that error.
    """

    def __init__(
        self, connect: Callable[[], Any], most: int, is_broken: Callable[[Any, Exception], bool]
    ) -> None:
        self._connect, self._most, self._is_broken = connect, most, is_broken
        self._lock, self._connecting = threading.Lock(), threading.Lock()
        self._clients: list[Client] = []
        with self.use():
            pass  # whether it can be reached is to be seen at once

    @contextmanager
    def use(self) -> Iterator[Client]:
        """Choose a client, the one with the fewest users, for several calls."""
        client = self.take()
        try:
            yield client
        except Exception as error:
            if self._is_broken(client.fs, error):
                self._forget(client)
            raise
        finally:
            self.give_back(client)

    def take(self) -> Client:
        """Choose a client as `use` does, until it is given back."""
        client = self._choose()
        if client is None:
            with self._connecting:  # one after the other: else each thread would make one more
                client = self._choose() or self._add()
        return client

    def give_back(self, client: Client) -> None:
        """End the use that `take` began."""
        with self._lock:
            client.users -= 1

    def close(self, end: Callable[[Any], None]) -> None:
        """Forget all clients, ending each with ``end``. Idempotent."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.run(end, client.fs)

    def _choose(self) -> Client | None:
        """Return the client with the fewest users; None when one more had better be made."""
        with self._lock:
            found = min(self._clients, key=lambda client: client.users, default=None)
            if found is None or (found.users and len(self._clients) < self._most):
                return None
            found.users += 1
            return found

    def _add(self) -> Client:
        client = Client(self._connect(), threading.RLock() if self._most else nullcontext())
        client.users = 1
        with self._lock:
            self._clients.append(client)
        return client

    def _forget(self, client: Client) -> None:
        with self._lock:
            if client in self._clients:
                self._clients.remove(client)
