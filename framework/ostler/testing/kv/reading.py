from __future__ import annotations

from ostler.spi import KeyValue, KvDriver, Put

from .steps import delete, get, new_room, put

__all__ = ["ReadingChecks"]


class ReadingChecks:
    """Single keys."""

    def test_absent_key_is_none(self, driver: KvDriver) -> None:
        assert driver.get(new_room() + "k") is None, "a key that was never written must be None"

    def test_written_key_is_read(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        revision = put(driver, key, b"one")
        assert get(driver, key) == KeyValue(key, b"one", revision, revision, 1, 0)

    def test_revision_starts_above_zero(self, driver: KvDriver) -> None:
        page = driver.list(new_room(), start_after="", limit=1, revision=0)
        assert page.revision >= 1, "0 means 'now': no store may be at revision 0"

    def test_overwriting_counts_versions(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        first, second = put(driver, key, b"one"), put(driver, key, b"two")
        assert second == first + 1, "each transaction that writes raises the revision by one"
        assert get(driver, key) == KeyValue(key, b"two", first, second, 2, 0)

    def test_deleted_key_is_gone(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        written, deleted = put(driver, key), delete(driver, key)
        assert deleted == written + 1, "deleting raises the revision"
        assert driver.get(key) is None, "a deleted key must be absent"

    def test_recreated_key_begins_anew(self, driver: KvDriver) -> None:
        key = new_room() + "k"
        put(driver, key)
        delete(driver, key)
        revision = put(driver, key, b"again")
        assert get(driver, key) == KeyValue(key, b"again", revision, revision, 1, 0)

    def test_values_are_any_bytes(self, driver: KvDriver) -> None:
        room = new_room()
        for number, value in enumerate((b"", bytes(range(256)), b"\0", b"x" * 100_000)):
            put(driver, f"{room}{number}", value)
            assert get(driver, f"{room}{number}").value == value

    def test_keys_are_any_text(self, driver: KvDriver) -> None:
        room = new_room()
        keys = ["a b", "%", "_", "*?[", "'\"\\", "\n\x01", "ключ/é", "\U0001f600", "/", "//"]
        keys.append("x" * (512 - len(room)))
        driver.txn([], [Put(room + key, key.encode()) for key in keys], [])
        for key in keys:
            assert get(driver, room + key).value == key.encode()

    def test_keys_are_distinct(self, driver: KvDriver) -> None:
        room = new_room()
        keys = ["a", "A", "a ", "\u00e9", "e\u0301", "a/", "1", "01"]
        driver.txn([], [Put(room + key, key.encode()) for key in keys], [])
        for key in keys:
            found = get(driver, room + key).value
            assert found == key.encode(), f"{key!r} was taken for {found!r}"
