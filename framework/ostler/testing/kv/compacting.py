from __future__ import annotations

from ostler.errors import BadRequest, Compacted
from ostler.spi import KvDriver

from .steps import PATIENCE, delete, keys_at, new_room, put, raises, take

__all__ = ["CompactionChecks"]


class CompactionChecks:
    """Compaction."""

    def test_compaction_keeps_the_present(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "old", b"1")
        put(driver, room + "changed", b"1")
        put(driver, room + "deleted", b"1")
        delete(driver, room + "deleted")
        revision = put(driver, room + "changed", b"2")
        before = driver.list(room, start_after="", limit=9, revision=0)
        driver.compact(revision)
        driver.compact(revision)
        assert driver.list(room, start_after="", limit=9, revision=0) == before
        put(driver, room + "old", b"2")
        put(driver, room + "deleted", b"2")
        then = driver.list(room, start_after="", limit=9, revision=revision)
        assert then == before, "the revision compacted to must still be there"

    def test_compaction_forgets_the_past(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        first = put(driver, key)
        driver.compact(put(driver, key))
        raises(Compacted, lambda: keys_at(driver, key, first), "listing at a forgotten revision")
        with driver.watch(key, first) as watch:
            raises(Compacted, lambda: watch.next(PATIENCE), "watching from a forgotten revision")

    def test_watch_from_the_compacted_revision(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        put(driver, key)
        revision = delete(driver, key)
        driver.compact(revision)
        with driver.watch(key, revision) as watch:
            assert [event.value for event in take(watch, 1)] == [None]

    def test_open_watch_outlives_compaction(self, driver: KvDriver) -> None:
        room = new_room()
        with driver.watch(room + "watched", 0) as watch:
            first = put(driver, room + "watched")
            # Until its first event has come, a store across a network may not have opened it yet.
            assert [event.revision for event in take(watch, 1)] == [first]
            for _ in range(3):
                put(driver, room + "other")
            assert watch.next(0.05) == ()
            driver.compact(put(driver, room + "other"))
            revision = put(driver, room + "watched")
            assert [event.revision for event in take(watch, 1)] == [revision]

    def test_compaction_in_the_future_is_refused(self, driver: KvDriver) -> None:
        revision = put(driver, new_room() + "k")
        raises(BadRequest, lambda: driver.compact(revision + 1000), "compacting what is to come")
