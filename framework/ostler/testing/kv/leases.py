from __future__ import annotations

import time

from ostler.errors import NotFound
from ostler.spi import KvDriver, Put

from .steps import PATIENCE, get, keys_at, new_room, put, raises, take

__all__ = ["LeaseChecks"]

_SHORT = 1.0
_UNKNOWN = 1 << 40


class LeaseChecks:
    """Leases."""

    def test_leases_are_distinct(self, driver: KvDriver) -> None:
        leases = [driver.grant(30) for _ in range(3)]
        for lease in leases:
            driver.revoke(lease.id)
        assert len({lease.id for lease in leases}) == 3
        assert min(lease.id for lease in leases) > 0, "0 means no lease"
        assert min(lease.ttl for lease in leases) >= 30, "a lease may be longer, never shorter"

    def test_revoked_lease_takes_its_keys_along(self, driver: KvDriver) -> None:
        room = new_room()
        lease = driver.grant(30)
        revision = driver.txn([], [Put(room + key, b"", lease.id) for key in "ab"], []).revision
        put(driver, room + "free")
        assert get(driver, room + "a").lease == lease.id
        with driver.watch(room, revision + 2) as watch:
            driver.revoke(lease.id)
            events = take(watch, 2)
        assert keys_at(driver, room) == ["free"]
        assert [event.value for event in events] == [None, None]
        assert len({event.revision for event in events}) == 1, "one transaction deletes them"

    def test_revoked_lease_is_of_no_use(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        lease = driver.grant(30)
        driver.revoke(lease.id)
        driver.revoke(lease.id)
        raises(NotFound, lambda: driver.keep_alive(lease.id), "keeping a revoked lease alive")
        raises(NotFound, lambda: put(driver, key, b"", lease.id), "a put with a revoked lease")
        raises(NotFound, lambda: driver.keep_alive(_UNKNOWN), "keeping an unknown lease alive")

    def test_last_write_decides_about_the_lease(self, driver: KvDriver) -> None:
        room = new_room()
        first, second = driver.grant(30), driver.grant(30)
        for key in ("freed", "moved", "bound"):
            put(driver, room + key, b"", first.id)
        put(driver, room + "freed")
        put(driver, room + "moved", b"", second.id)
        driver.revoke(first.id)
        assert keys_at(driver, room) == ["freed", "moved"]
        driver.revoke(second.id)
        assert keys_at(driver, room) == ["freed"]

    def test_lease_runs_out(self, driver: KvDriver) -> None:
        room = new_room()
        began = time.monotonic()
        lease = driver.grant(_SHORT)
        put(driver, room + "k", b"", lease.id)
        with driver.watch(room, 0) as watch:
            assert [event.value for event in take(watch, 1)] == [None]
        took = time.monotonic() - began
        assert took >= lease.ttl - 0.1, f"a lease of {lease.ttl} s ended after {took:.2f} s"
        assert driver.get(room + "k") is None
        raises(NotFound, lambda: driver.keep_alive(lease.id), "keeping a lease that has run out")

    def test_lease_that_ran_out_is_not_read(self, driver: KvDriver) -> None:
        room = new_room()
        lease = driver.grant(_SHORT)
        put(driver, room + "k", b"", lease.id)
        deadline = time.monotonic() + PATIENCE
        while driver.get(room + "k") is not None:
            assert time.monotonic() < deadline, "the key outlived its lease"
            time.sleep(0.05)
        assert keys_at(driver, room) == []

    def test_lease_is_kept_alive(self, driver: KvDriver) -> None:
        room = new_room()
        lease = driver.grant(_SHORT)
        put(driver, room + "k", b"", lease.id)
        with driver.watch(room, 0) as watch:
            until = time.monotonic() + lease.ttl * 1.5
            while time.monotonic() < until:
                assert watch.next(lease.ttl / 5) == (), "the key died though its lease was kept"
                driver.keep_alive(lease.id)
        driver.revoke(lease.id)
