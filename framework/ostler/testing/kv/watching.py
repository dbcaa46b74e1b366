from __future__ import annotations

import time

from ostler.spi import Delete, Event, KvDriver, Put

from .steps import PATIENCE, delete, get, new_room, overtake, put, take, together

__all__ = ["WatchChecks"]


class WatchChecks:
    """Watches."""

    def test_watch_from_now(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "before")
        with driver.watch(room, 0) as watch:
            revision = put(driver, room + "k", b"1")
            assert take(watch, 1) == [Event(revision, room + "k", get(driver, room + "k"))]

    def test_watch_from_a_revision(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "a", b"0")
        page = driver.list(room, start_after="", limit=1, revision=0)
        put(driver, room + "a", b"1")
        delete(driver, room + "a")
        put(driver, room + "b", b"2")
        with driver.watch(room, page.revision + 1) as watch:
            events = take(watch, 3)
            put(driver, room + "b", b"3")
            events += take(watch, 1)
        told = [
            (event.revision - page.revision, event.value and event.value.value) for event in events
        ]
        assert told == [(1, b"1"), (2, None), (3, b"2"), (4, b"3")]

    def test_watch_includes_its_revision(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        revision = put(driver, key)
        with driver.watch(key, revision) as watch:
            assert [event.revision for event in take(watch, 1)] == [revision]

    def test_watch_keeps_transactions_together(self, driver: KvDriver) -> None:
        room = new_room()
        with driver.watch(room, 0) as watch:
            count = min(1500, (driver.capabilities.max_operations or 1500) - 1)
            for _ in range(2):
                driver.txn([], [Put(f"{room}{number:05}", b"") for number in range(count)], [])
            answers = [watch.next(PATIENCE)]
            while sum(map(len, answers)) < 2 * count:
                answers.append(watch.next(PATIENCE))
                assert answers[-1], "events are missing"
        revisions = [{event.revision for event in answer} for answer in answers]
        assert sum(map(len, revisions)) == 2, "the events of a transaction came in several answers"

    def test_watch_tells_events_in_order_of_operations(self, driver: KvDriver) -> None:
        room = new_room()
        put(driver, room + "a")
        with driver.watch(room, 0) as watch:
            driver.txn([], [Put(room + "c", b""), Delete(room + "a"), Put(room + "b", b"")], [])
            told = {(event.key[len(room) :], event.value is None) for event in take(watch, 3)}
        assert told == {("c", False), ("a", True), ("b", False)}

    def test_watch_tells_deletion_of_a_prefix(self, driver: KvDriver) -> None:
        room = new_room()
        driver.txn([], [Put(room + key, b"") for key in ("a", "b/1", "b/2")], [])
        with driver.watch(room + "b/1", 0) as one, driver.watch(room, 0) as both:
            driver.txn([], [Delete(room + "b", prefix=True)], [])
            assert [event.key for event in take(one, 1)] == [room + "b/1"]
            events = take(both, 2)
        assert sorted(event.key for event in events) == [room + "b/1", room + "b/2"]
        assert [event.value for event in events] == [None, None]

    def test_watch_is_told_nothing_that_did_not_happen(self, driver: KvDriver) -> None:
        room = new_room()
        with driver.watch(room, 0) as watch:
            driver.txn([], [Delete(room + "absent")], [])
            put(driver, room[:-1] + "0other")
            revision = put(driver, room + "k")
            assert [event.revision for event in take(watch, 1)] == [revision]

    def test_watch_waits_its_time(self, driver: KvDriver) -> None:
        with driver.watch(new_room(), 0) as watch:
            assert watch.next(0) == (), "time 0 must not wait"
            began = time.monotonic()
            assert watch.next(0.1) == ()
            took = time.monotonic() - began
        assert 0.05 <= took < 2, f"a wait of 0.1 s took {took:.2f} s"

    def test_watch_wakes_at_once(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        with driver.watch(key, 0) as watch:
            events, took = overtake(watch, lambda: (put(driver, key), None)[1])
        assert len(events) == 1
        assert took < 1, f"the watch was told after {took:.2f} s"

    def test_closing_ends_a_wait(self, driver: KvDriver) -> None:
        watch = driver.watch(new_room(), 0)
        events, took = overtake(watch, watch.close)
        assert events == ()
        assert took < 2, f"`next` returned {took:.2f} s after the watch was closed"
        watch.close()
        assert watch.next(PATIENCE) == (), "a closed watch must not wait"

    def test_watches_do_not_share_events(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        with driver.watch(key, 0) as first, driver.watch(key, 0) as second:
            revision = put(driver, key)
            for watch in (first, second):
                assert [event.revision for event in take(watch, 1)] == [revision]

    def test_watch_misses_nothing_under_load(self, driver: KvDriver) -> None:
        room = new_room()
        told: list[int] = []

        def read() -> None:
            with driver.watch(room, begin) as watch:
                while len(told) < 80:
                    events = watch.next(PATIENCE)
                    assert events, f"the watch told {len(told)} of 80"
                    told.extend(event.revision for event in events)

        def write(number: int) -> None:
            for _ in range(20):
                put(driver, f"{room}{number}")

        begin = put(driver, room + "begin") + 1
        writers = [lambda number=number: write(number) for number in range(4)]
        together([read, *writers])
        assert told == list(range(begin, begin + 80)), "events were lost, doubled or out of order"
