"""What strace looks at for `powerloss.py`: ``powerwork.py DIRECTORY [CALL]``.

One transaction after the other, by two openings of one database and by
processes that die between making a name and synchronising it; what is begun and
what is done is written to the file ``marker`` in the directory.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from workload import Journal, Place, with_grace

from ostler.clock import SystemClock
from ostler.datamanager import Action, Datamanager, Delete, Put
from ostler.kv import KeyValueStore
from ostler_sqlite.driver import open_driver
from ostler_sqlite.settings import SqliteSettings

Entries = dict[str, bytes]

LARGE = 4
"""The transaction that is larger than what the driver writes by the way of small files."""


def place_in(directory: Path) -> Place:
    options = replace(with_grace(0.0), transaction_bytes=1 << 20, file_size=16 << 10)
    return Place(directory, options)


def actions_of(number: int) -> list[Action]:
    """Return the actions of a transaction: they follow from its number."""
    chance = random.Random(number)
    actions: list[Action] = [Put("last", "number", str(number).encode())]
    size = 300_000 if number == LARGE else 200
    actions += [Put("entry", f"{number}", chance.randbytes(size))]
    actions += [Put("entry", f"shared-{chance.randrange(4)}", chance.randbytes(50))]
    if number > 2:
        actions += [Delete("entry", f"{number - 2}")]
    return actions


def entries_after(number: int) -> Entries:
    """Return all entries, by type and id, after so many transactions."""
    entries: Entries = {}
    for each in range(1, number + 1):
        for action in actions_of(each):
            name = f"{action.type} {action.id}"
            if isinstance(action, Put):
                entries[name] = action.data
            else:
                entries.pop(name, None)
    return entries


class Work:
    def __init__(self, directory: Path) -> None:
        self._place = place_in(directory)
        self._journal = Journal(directory / "marker")
        self.number = self._stored = 0

    def open(self) -> Datamanager:
        return self._place.open()

    def commit(self, database: Datamanager, times: int = 1) -> None:
        for _ in range(times):
            self.number += 1
            self._journal.say("begin", self.number)
            database.commit(actions_of(self.number))
            self._journal.say("done", self.number)

    def die_founding(self) -> None:
        """Open in a process that ends when the first manifest has a name, which is not durable yet."""
        self._in_child_until_link(self.open)

    def die(self) -> None:
        """Commit in a process that ends when its object has a name, which is not durable yet."""
        self._in_child_until_link(lambda: self.commit(self.open()))
        self.number += 1

    def _in_child_until_link(self, run: Callable[[], object]) -> None:
        child = os.fork()
        if not child:
            link = os.link

            def last_link(source: str, path: str, **named: Any) -> None:
                link(source, path, **named)
                if "/manifest/" in path or "/wal/" in path:
                    os._exit(0)

            os.link = last_link
            run()
            os._exit(1)
        _child, status = os.waitpid(child, 0)
        assert status == 0

    def store(self) -> None:
        """Write to the key-value store alone."""
        clock = SystemClock()
        path = str(self._place.directory / "kv" / "own" / "store.sqlite")
        store = KeyValueStore(open_driver(SqliteSettings(path=path)), clock=clock)
        for _ in range(3):
            self._stored += 1
            self._journal.say("put", self._stored)
            store.put("proof", str(self._stored).encode() * 2000)
            self._journal.say("stored", self._stored)
        store.close()


def run(directory: Path) -> None:
    work = Work(directory)
    work.store()
    work.die_founding()
    one = work.open()
    work.commit(one, LARGE)
    one.checkpoint()
    work.commit(one, 2)
    one.checkpoint()
    one.collect()
    two = work.open()
    work.commit(two)
    work.commit(one)
    one.checkpoint()
    work.commit(two)
    work.die()
    assert one.get("last", "number") == str(work.number).encode()
    one.status()
    work.store()
    work.commit(one)
    work.commit(two)
    one.checkpoint()
    two.sync()
    for _ in range(2):
        one._checkpointer.fence()
    one.collect()
    assert not (directory / "storage" / "wal").exists()
    work.die()  # it makes the directory anew
    assert two.get("last", "number") == str(work.number).encode()
    work.commit(two)
    work.commit(one)
    two.checkpoint()
    two.collect()
    two.close()
    one.close()
    three = work.open()
    work.commit(three)
    three.close()


if __name__ == "__main__":
    if sys.argv[2:]:  # the calls that a careless driver leaves out: the model must notice
        setattr(os, sys.argv[2], lambda _descriptor: None)
    run(Path(sys.argv[1]))
