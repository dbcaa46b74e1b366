from __future__ import annotations

import threading

import pytest

from ostler.pods import EventCancel


def test_it_is_set_once_and_for_all() -> None:
    cancel = EventCancel()
    assert (cancel.is_set(), cancel.wait(0)) == (False, False)
    cancel.set()
    cancel.set()
    assert (cancel.is_set(), cancel.wait(), cancel.wait(0)) == (True, True, True)


def test_it_wakes_who_waits() -> None:
    cancel, woken = EventCancel(), threading.Event()
    thread = threading.Thread(target=lambda: cancel.wait(20) and woken.set())
    thread.start()
    cancel.set()
    assert woken.wait(20)
    thread.join()


def test_subscribers_are_told_once() -> None:
    cancel, told = EventCancel(), []
    cancel.subscribe(lambda: told.append("before"))
    unsubscribe = cancel.subscribe(lambda: told.append("never"))
    unsubscribe()
    unsubscribe()
    cancel.set()
    cancel.set()
    cancel.subscribe(lambda: told.append("after"))()
    assert told == ["before", "after"]


def test_a_subscriber_that_fails_keeps_none_from_being_told() -> None:
    cancel, told = EventCancel(), []
    cancel.subscribe(lambda: [][0])
    cancel.subscribe(lambda: told.append("second"))
    with pytest.raises(ExceptionGroup) as caught:
        cancel.set()
    assert [type(error) for error in caught.value.exceptions] == [IndexError]
    assert (told, cancel.is_set()) == (["second"], True)


def test_a_subscriber_may_subscribe() -> None:
    cancel, told = EventCancel(), []
    cancel.subscribe(lambda: cancel.subscribe(lambda: told.append("inner")) and None)
    cancel.set()
    assert told == ["inner"]
