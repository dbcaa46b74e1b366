from __future__ import annotations

from collections.abc import Iterator

import pytest

from ostler.errors import BadRequest, Internal, Unavailable
from ostler.ost import ObjectStorage
from ostler.spi.storage import Capabilities, CommonPrefix, ObjectInfo
from ostler_memory.driver import MemoryStorage

from .ost_support import CutListing, FlakyStorage, storage_on

KEYS = ["a-b", "a/b", "a/c", "ab", "b/c/d", "b/e", "c"]


def filled(driver: FlakyStorage) -> ObjectStorage:
    storage, _clock = storage_on(driver)
    for key in KEYS:
        storage.put(key, key.encode())
    driver.calls.clear()
    return storage


def names(items: Iterator[ObjectInfo | CommonPrefix]) -> list[str]:
    return [item.prefix if isinstance(item, CommonPrefix) else item.key for item in items]


def test_lists_keys_prefixes_and_what_comes_after() -> None:
    storage = filled(FlakyStorage())
    assert names(storage.list()) == KEYS
    assert names(storage.list("a")) == KEYS[:4]
    assert names(storage.list(start_after="a/b")) == KEYS[2:]
    assert names(storage.list(delimiter="/")) == ["a-b", "a/", "ab", "b/", "c"]
    assert names(storage.list("b/", delimiter="/", start_after="b/c/")) == ["b/e"]
    assert [info.key for info in storage.objects("b")] == ["b/c/d", "b/e"]


@pytest.mark.parametrize(
    "query",
    [{"prefix": "/a"}, {"prefix": "a//"}, {"start_after": "a\n"}, {"delimiter": "ab"}],
)
def test_a_wrong_query_is_refused_at_the_call(query: dict[str, str]) -> None:
    storage = filled(FlakyStorage())
    with pytest.raises(BadRequest):
        storage.list(**query)


@pytest.mark.parametrize("delimiter", ["", "/"])
def test_a_listing_that_breaks_off_goes_on_behind_its_last_item(delimiter: str) -> None:
    driver = CutListing(2)
    storage = filled(driver)
    whole = names(MemoryStorage.list(driver, "", "", delimiter))
    assert names(storage.list(delimiter=delimiter)) == whole
    assert len(driver.calls) > 2


def test_a_listing_that_only_breaks_gives_up() -> None:
    driver = CutListing(0)
    driver.cuts = 1000
    storage = filled(driver)
    with pytest.raises(Unavailable):
        names(storage.list())
    assert len(driver.calls) == 6


def test_without_an_order_it_is_sorted_here() -> None:
    class Backwards(FlakyStorage):
        def list(self, *query: str) -> Iterator[ObjectInfo | CommonPrefix]:
            yield from reversed(list(super().list(*query)))

    storage = filled(Backwards(capabilities=Capabilities(ordered_list=False)))
    assert names(storage.list()) == KEYS
    assert names(storage.list(delimiter="/")) == ["a-b", "a/", "ab", "b/", "c"]


def test_without_an_order_it_does_not_go_on_in_the_middle() -> None:
    storage = filled(CutListing(2, Capabilities(ordered_list=False)))
    with pytest.raises(Unavailable):
        names(storage.list())


def test_an_error_that_is_not_ours_is_internal() -> None:
    class Broken(FlakyStorage):
        def list(self, *query: str) -> Iterator[ObjectInfo | CommonPrefix]:
            raise ZeroDivisionError("oops")

    storage = filled(Broken())
    with pytest.raises(Internal, match="Broken failed to list '' with ZeroDivisionError: oops"):
        names(storage.list())


def test_deletes_many_in_batches() -> None:
    driver = FlakyStorage(*[None] * 7, None, Unavailable("once"))
    storage = filled(driver)
    storage.delete_many(key for key in [*KEYS[:3], *(f"x/{number}" for number in range(2000))])
    assert driver.calls == ["delete 1000", "delete 1000", "delete 1000", "delete 3"]
    assert names(storage.list()) == KEYS[3:]


def test_a_view_sees_what_is_below_its_prefix() -> None:
    driver = FlakyStorage()
    storage = filled(driver)
    view = storage.with_prefix("b/")
    assert names(view.list()) == ["c/d", "e"]
    assert names(view.list(delimiter="/")) == ["c/", "e"]
    assert names(view.list("c", start_after="c/a")) == ["c/d"]
    assert names(view.with_prefix("c/").list()) == ["d"]
    assert view.put("new", b"x").key == view.stat("new").key == "new"
    with view.get("new") as body:
        assert (body.info.key, body.read()) == ("new", b"x")
    assert storage.read("b/new") == view.read("new") == view.open("new").read() == b"x"
    view.delete_many(["new", "e"])
    view.delete("c/d")
    assert names(storage.list("b/")) == []
    view.close()
    assert driver.closed == 0


def test_a_view_cannot_be_left() -> None:
    storage = filled(FlakyStorage())
    view = storage.with_prefix("b/")
    for key in ("../c", "/c", "", "x" * 1023):
        with pytest.raises(BadRequest):
            view.stat(key)
    for prefix in ("b", "/", "b//"):
        with pytest.raises(BadRequest):
            storage.with_prefix(prefix)
    with pytest.raises(BadRequest):
        ObjectStorage(FlakyStorage(), clock=storage_on(FlakyStorage())[1], prefix="b")


def test_closes_its_driver_once() -> None:
    driver = FlakyStorage()
    with filled(driver) as storage:
        assert storage.capabilities is driver.capabilities
    storage.close()
    assert driver.closed == 1


def test_two_storages_of_one_kind() -> None:
    first, second = filled(FlakyStorage()), filled(FlakyStorage())
    first.delete("c")
    assert names(second.list()) == KEYS
