from __future__ import annotations

import pytest

from ostler.errors import Internal, NotFound, Unavailable
from ostler.retry import Retries, RetryPolicy

from .ost_support import FlakyStorage, TestClock, storage_on

LOST = Unavailable("the line is cut")


def test_pauses_grow_are_jittered_and_have_a_ceiling() -> None:
    storage, clock = storage_on(FlakyStorage(*[LOST] * 6), attempts=7, first=0.1, longest=1.0)
    with pytest.raises(NotFound):
        storage.stat("key")
    assert clock.pauses == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]


def test_the_last_error_comes_out_when_the_attempts_are_used_up() -> None:
    last = Unavailable("the last one")
    driver = FlakyStorage(LOST, LOST, last, LOST)
    storage, clock = storage_on(driver, attempts=3)
    with pytest.raises(Unavailable) as caught:
        storage.stat("key")
    assert caught.value is last
    assert last.__cause__ is None  # not raised from itself
    assert (len(driver.calls), len(clock.pauses)) == (3, 2)


def test_no_attempt_begins_after_the_deadline() -> None:
    driver = FlakyStorage(*[LOST] * 100)
    storage, clock = storage_on(driver, attempts=100, first=1.0, longest=8.0, deadline=10.0)
    with pytest.raises(Unavailable):
        storage.delete_many(["key"])
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0]


def test_one_attempt_is_none_more() -> None:
    driver = FlakyStorage(LOST)
    storage, clock = storage_on(driver, attempts=1)
    with pytest.raises(Unavailable):
        storage.get("key")
    assert (driver.calls, clock.pauses) == (["get 0"], [])


def test_full_jitter_may_be_no_pause_at_all() -> None:
    clock = TestClock(random=0.0)
    Retries(RetryPolicy(), clock).pause(LOST)
    assert clock.pauses == [0.0]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyError("x"), ValueError()])
def test_what_no_driver_may_raise_is_internal_and_names_it(error: Exception) -> None:
    driver = FlakyStorage(error)
    storage, _clock = storage_on(driver)
    with pytest.raises(Internal) as caught:
        storage.stat("some/key")
    assert "FlakyStorage failed to stat 'some/key'" in caught.value.message
    assert type(error).__name__ in caught.value.message
    assert caught.value.__cause__ is error
    assert driver.calls == ["stat"]


def test_an_interrupt_passes_through() -> None:
    class Interrupted(FlakyStorage):
        def delete(self, key: str) -> None:
            raise KeyboardInterrupt

    storage, _clock = storage_on(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        storage.delete("key")
