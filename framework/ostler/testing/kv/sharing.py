from __future__ import annotations

from ostler.spi import Compare, KvDriver, Put, Target

from .steps import get, keys_at, new_room, overtake, put, take, together

__all__ = ["SharingChecks"]


class SharingChecks:
    """Two drivers on one store."""

    def test_others_read_what_was_written(self, driver: KvDriver, second_driver: KvDriver) -> None:
        room = new_room()
        for number in range(20):
            revision = put(driver, room + "k", b"%d" % number)
            found = get(second_driver, room + "k")
            assert found.value == b"%d" % number, "an acknowledged write was not seen"
            assert found.mod_revision == revision

    def test_others_are_told(self, driver: KvDriver, second_driver: KvDriver) -> None:
        key = new_room() + "k"
        with second_driver.watch(key, 0) as watch:
            events, took = overtake(watch, lambda: (put(driver, key), None)[1])
        assert len(events) == 1
        assert took < 1, f"the other driver's watch was told after {took:.2f} s"

    def test_others_swaps_are_respected(self, driver: KvDriver, second_driver: KvDriver) -> None:
        key = new_room() + "k"
        put(driver, key, b"0")

        def work(mine: KvDriver) -> None:
            done = 0
            while done < 20:
                item = get(mine, key)
                now = Compare(key, Target.VALUE, item.value)
                done += mine.txn([now], [Put(key, b"%d" % (int(item.value) + 1))], []).succeeded

        together([lambda: work(driver), lambda: work(second_driver)])
        assert int(get(driver, key).value) == 40, "increments by compare-and-swap were lost"

    def test_lease_outlives_its_driver_no_longer_than_its_time(
        self, driver: KvDriver, second_driver: KvDriver
    ) -> None:
        room = new_room()
        lease = driver.grant(1)
        put(driver, room + "k", b"", lease.id)
        with second_driver.watch(room, 0) as watch:
            driver.close()
            assert keys_at(second_driver, room) == ["k"], "closing must not end leases"
            assert [event.value for event in take(watch, 1)] == [None]

    def test_closing_ends_own_watches_only(self, driver: KvDriver, second_driver: KvDriver) -> None:
        key = new_room() + "k"
        mine, others = driver.watch(key, 0), second_driver.watch(key, 0)
        events, took = overtake(mine, driver.close)
        assert (events, took < 2) == ((), True), "closing the driver must end its watches"
        put(second_driver, key)
        assert len(take(others, 1)) == 1
        others.close()
