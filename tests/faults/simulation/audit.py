"""What a process that looks at the storage with nothing failing must find."""

from __future__ import annotations

from typing import Any

from ostler.datamanager import Put, rescue
from ostler.errors import Compacted, Error, Internal
from ostler.ost import ObjectStorage

from .actors import TYPES
from .history import Intent, Violation
from .objects import Objects
from .world import World

__all__ = ["compare", "conclude", "look", "look_at_damage", "rescued"]


def look(world: World, dm: Any, objects: Objects) -> None:
    """Recover from what is durable now: everything acknowledged is there, and nothing else.

    The storage is a copy that lacks what a power loss would take.
    """
    oracle = world.oracle
    try:
        dm.open()
        # What the store had decided and its writer not yet stored is stored by who comes next.
        following = objects.present.get(f"{world.profile.prefix}wal/{oracle.head + 1:020d}")
        for kind in TYPES:
            rows = list(dm.scan(kind))
            if following is not None and dict(rows) == oracle.rows_with(kind, following.data):
                continue
            oracle.check_scan("after a restart now, scan", kind, "", "", rows, oracle.acknowledged)
    except Error as error:
        raise oracle.violated(
            f"a restart now would fail with {type_of(error)}: {error.message}"
        ) from error


def look_at_damage(world: World, dm: Any, done: str) -> bool:
    """Use what was damaged; return whether that was told. What is not told must not matter."""
    try:
        dm.open()
        if dm.sync() > world.oracle.head:
            return False  # it completed a commit that the original has not seen yet
        dm.checkpoint()
        compare(world, dm)
    except Internal as error:
        if error.code not in ("damaged", "missing"):
            raise world.oracle.violated(f"{done}, and it is told: {error.message}") from error
        return True
    except Error as error:
        raise world.oracle.violated(
            f"{done}, and it is told as {type_of(error)}: {error.message}"
        ) from error
    except Violation as violation:
        raise world.oracle.violated(f"{done}, and nobody is told: {violation}") from None
    return False


def rescued(world: World, ost: ObjectStorage, done: str) -> None:
    """Save what can be saved of what was damaged: what comes is right, and what does not come is told."""
    oracle = world.oracle
    try:
        saved = rescue(ost)
        entries = list(saved.entries())
    except Internal:
        return  # it says that nothing can be saved
    except Error as error:
        raise oracle.violated(f"{done}, and a rescue says: {error.message}") from error
    wrong = [put for put in entries if not oracle.was((put.type, put.id), put.data)]
    if wrong:
        raise oracle.violated(f"{done}, and a rescue gives {wrong}")
    if not saved.problems:
        found = {(put.type, put.id): put.data for put in entries}
        count = sum(len(oracle.rows(kind, saved.commit)) for kind in TYPES)
        oracle.check_read("a rescue", found, oracle.acknowledged, at=saved.commit)
        if count != len(found):
            raise oracle.violated(f"{done}, and a rescue gives {len(found)} of {count} entries")


def compare(world: World, dm: Any) -> None:
    """Check that everything is there, listed and one by one."""
    oracle = world.oracle
    number, head = dm.sync(), oracle.head
    if number != head:
        raise oracle.violated(f"sync says {number}, and {head} is newest")
    for kind in TYPES:
        expected = oracle.rows(kind, head)
        rows = list(dm.scan(kind))
        oracle.check_scan("scan", kind, "", "", rows, head)
        for name in [*list(expected)[:: 2 + world.chance.below(4)], "00"]:
            data = dm.get(kind, name, fresh=False)
            if data != expected.get(name):
                raise oracle.violated(
                    f"get of {kind}/{name} gives {data!r}, a scan {expected.get(name)!r}"
                )


def conclude(world: World, dm: Any) -> None:
    """Check all that is there in the end, and that garbage goes."""
    profile, scheduler = world.profile, world.scheduler
    dm.open()
    compare(world, dm)
    watch(world, dm)
    commit(world, dm)
    if world.oracle.at_stake or world.chance.random() < 0.65:
        return
    verify(world, dm)
    for _ in range(2):
        dm.checkpoint()
        scheduler.now += profile.grace * 1.5
        dm.collect()
    compare(world, dm)
    verify(world, dm)
    check_size(world)
    dm.close()


def watch(world: World, dm: Any) -> None:
    """Check that a watch from anywhere tells what was, or that it can not."""
    position = world.chance.below(world.oracle.head + 1)
    if world.oracle.newest is not None and world.chance.random() < 0.5:
        position = max(0, world.oracle.newest.commit - 1)
    try:
        while position < world.oracle.head:
            commits = dm.watch(position).next(0)
            position = world.oracle.check_watched(position, commits)
    except Compacted:
        world.oracle.check_compacted(position)


def commit(world: World, dm: Any) -> None:
    """Check that it still can be written to."""
    intent = Intent("end", (Put(TYPES[0], "end", b"end|"),), frozenset(), None, 0)
    world.oracle.begin(intent)
    world.oracle.acknowledge(intent, dm.commit(intent.actions))


def verify(world: World, dm: Any) -> None:
    """Let the datamanager look for damage itself."""
    problems = list(dm.verify())
    if problems and not world.oracle.at_stake:
        raise world.oracle.violated(f"verify finds damage where none is: {problems}")


def check_size(world: World) -> None:
    """Check that nothing is left but what is alive."""
    oracle, prefix = world.oracle, world.profile.prefix
    kept = oracle.kept()
    oldest = oracle.manifests[min(kept)]
    alive = {f"manifest/{number:020d}" for number in kept}
    for number in kept:
        alive.update(oracle.manifests[number].files())
    left = []
    for key in world.objects.present:
        own = key[len(prefix) :]
        kind, _, name = own.partition("/")
        # What the store decides lies under a name of its own beside the number.
        first = oldest.commit if kind == "wal" else oldest.number
        numbered = kind in ("wal", "manifest") and int(name[:20]) >= first
        if own not in alive and not numbered:
            left.append(own)
    if left:
        raise oracle.violated(f"garbage is left after the grace period: {sorted(left)}")


def type_of(error: BaseException) -> str:
    """Return the name of an error's type."""
    return type(error).__name__
